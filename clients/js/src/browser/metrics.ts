import type { SessionMetrics } from '../types.js';

const SAMPLES = 100;

/** Counts requests and cache hits, and remembers the last durations. */
export function createMetrics() {
  const count = { requests: 0, hits: 0, misses: 0, errors: 0 };
  const durations: number[] = [];

  function percentile(percent: number): number | null {
    const sorted = [...durations].sort((a, b) => a - b);
    return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? null;
  }

  return {
    hit: () => void count.hits++,
    miss: () => void count.misses++,
    sent: () => void count.requests++,
    failed: () => void count.errors++,
    /** `ms` until the whole answer was there. */
    took(ms: number): void {
      durations.push(ms);
      if (durations.length > SAMPLES) durations.shift();
    },
    read(): SessionMetrics {
      const asked = count.hits + count.misses;
      return {
        requests: count.requests,
        cacheHits: count.hits,
        cacheMisses: count.misses,
        cacheHitRate: asked === 0 ? 0 : Math.round((count.hits / asked) * 1000) / 10,
        errors: count.errors,
        lastLatencyMs: durations.at(-1) ?? null,
        p50: percentile(50),
        p95: percentile(95),
      };
    },
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
