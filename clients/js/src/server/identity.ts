/** Who somebody is, as the gateway is told: in the wire's own spelling. The browser gets `user`, servers get `attributes`. */
export interface Identity {
  user: {
    id: string;
    email?: string | null;
    name?: string | null;
    [member: string]: unknown;
  };
  tenant_id?: string | null;
  needs_onboarding?: boolean;
  attributes?: Record<string, unknown>;
  /** A fingerprint of the credentials: told back to the app of `[backend]` in the claim `ah`. */
  auth_hash?: string;
  /** The app's own reference, told back to this app alone. */
  ref?: string;
}

/** What changes. `user` and `attributes` are merged by member; `null` removes one. */
export interface IdentityPatch {
  user?: Record<string, unknown>;
  tenant_id?: string | null;
  needs_onboarding?: boolean;
  attributes?: Record<string, unknown>;
  auth_hash?: string;
}
