/** Names and values; what has no value is left out. */
export function Facts({ facts }: { facts: Record<string, string | null | undefined> }) {
  return (
    <dl>
      {Object.entries(facts).map(
        ([name, value]) =>
          value && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}
