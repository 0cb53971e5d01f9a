//! Declares the parts of the store so that each method is written once.
//!
//! Beside a trait, [`store_trait!`] makes a macro that hands the signatures of its methods to another macro. Stores of
//! the tests that pass every call on are stamped from them: see `crate::testing`.

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

        #[cfg(any(test, feature = "testing"))]
        macro_rules! $each {
            ($d stamp:ident) => {
                $d stamp! { $trait $($method($($argument: $type),*) -> $answer;)* }
            };
        }
        #[cfg(any(test, feature = "testing"))]
        pub(crate) use $each;
    };
}
pub(super) use store_trait;
