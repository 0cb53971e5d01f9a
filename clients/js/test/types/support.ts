/** `true` if both are the same type; `any` is the same as nothing else. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** A claim that does not compile unless it is true. */
export type Holds<T extends true> = T;
