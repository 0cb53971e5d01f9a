//! Declares the parts of the store so that each method is written once.
//!
//! Beside a trait, [`store_trait!`] makes a macro that hands the signatures of its methods to another macro. Stores
//! that pass every call on, such as those of the tests, are generated from them.

/// The trait as it is written, and a macro with the name that follows `($)`. The bounds of the trait stand in brackets.
macro_rules! store_trait {
    (
        // A dollar sign for the macro that is made: this one cannot write one of its own.
        ($d:tt) $each:ident

        $(#[$about:meta])*
        pub trait $trait:ident $(: [$($bounds:tt)+])? {
            $(
                $(#[$doc:meta])*
                async fn $method:ident(&self $(, $argument:ident: $type:ty)* $(,)?) -> $answer:ty;
            )*
        }
    ) => {
        $(#[$about])*
        #[async_trait]
        pub trait $trait $(: $($bounds)+)? {
            $(
                $(#[$doc])*
                async fn $method(&self $(, $argument: $type)*) -> $answer;
            )*
        }

        #[doc = concat!(
            "Hands the signatures of [`", stringify!($trait), "`](crate::store::", stringify!($trait), ") to the macro that ",
            "it is given. Where it is used, the names of [`prelude`](crate::store::prelude) are in scope.",
        )]
        #[macro_export]
        macro_rules! $each {
            ($d stamp:ident) => {
                $d stamp! { $trait $($method($($argument: $type),*) -> $answer;)* }
            };
        }
    };
}
pub(super) use store_trait;
