// The charts: which series each draws, and how they are drawn with uPlot.

const DASHES = { p50: [], p95: [6, 3], p99: [2, 3] };
const NAMES = {
  "requests.active": "with a session", "requests.anonymous": "anonymous", "requests.no_session_asked": "no session asked",
  "requests.own_endpoints": "own endpoints", "requests.login_needed": "login needed", "requests.refused": "refused",
  "requests.unavailable": "unavailable", "requests.app_failed": "app failed", "requests.aborted": "aborted",
  "core.store_errors": "store errors", "core.shared_errors": "Redis errors", "core.beats_failed": "heartbeats failed",
  "core.store_loads": "store reads", "breaker.redis": "Redis breaker (0 closed, 2 open)",
  lease_remaining_seconds: "lease left", events_behind: "events behind", "lag.p95": "lag p95, s", "lag.p99": "lag p99, s",
  "created.login": "logins", "created.event": "logins by an app", "created.rotate": "rotations", "created.migration": "migrations",
  live_sessions: "in the store", local_sessions: "in memory", event_streams: "event streams",
};

export const seconds = (value) =>
  value == null ? "–" : value < 1e-3 ? `${trim(value * 1e6)} µs` : value < 1 ? `${trim(value * 1e3)} ms` : `${trim(value)} s`;
export const rate = (value) => (value == null ? "–" : `${trim(value)}/s`);
export const percent = (value) => (value == null ? "–" : `${trim(value)} %`);
export const count = (value) => (value == null ? "–" : trim(value));

function trim(value) {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

const byPrefix = (...prefixes) => (data) =>
  Object.keys(data.series).filter((name) => prefixes.some((prefix) => name.startsWith(prefix))).sort();
const happened = (names) => (data) => names(data).filter((name) => data.series[name].some((value) => value > 0));
const fixed = (...names) => (data) => names.filter((name) => name in data.series);
const tiers = ["local", "shared", "store"];
const label = (name) => NAMES[name] ?? (name.startsWith("revoked.") ? "ended: " : "") + name.split(".").slice(1).join(" ").replaceAll("_", " ");

export const CHARTS = [
  { id: "requests", title: "Requests by outcome", value: rate, names: happened(byPrefix("requests.")), empty: "No request in this time." },
  { id: "hits", title: "Where sessions came from", value: percent, max: 100, derive: shares, empty: "No session was looked up in this time." },
  {
    id: "resolve", title: "Look-up time by tier", note: "p50, p95, p99", value: seconds, log: true,
    names: fixed(...tiers.flatMap((tier) => ["p50", "p95", "p99"].map((p) => `resolve.${tier}.${p}`))),
    color: (name) => tiers.indexOf(name.split(".")[1]), empty: "No session was looked up in this time.",
  },
  { id: "time", title: "Response time", note: "apps included", value: seconds, log: true, names: fixed("request.p50", "request.p95", "request.p99"), empty: "No request in this time." },
  { id: "distribution", title: "Response time distribution", note: "share of requests", bars: true, empty: "No request in this time." },
  { id: "errors", title: "Refused and failed", value: rate, names: happened(byPrefix("refused.", "requests.unavailable", "requests.app_failed")), empty: "Nothing was refused and nothing failed." },
  { id: "lease", title: "Lease and revocation lag", note: "seconds, events", value: count, names: fixed("lease_remaining_seconds", "lag.p95", "lag.p99", "events_behind"), empty: "No reading yet." },
  { id: "stores", title: "Redis and store", value: count, names: (data) => [...fixed("breaker.redis")(data), ...fixed("core.shared_errors", "core.store_errors", "core.beats_failed")(data)], empty: "No reading yet." },
  { id: "sessions", title: "Active sessions", value: count, names: fixed("live_sessions", "local_sessions", "event_streams"), empty: "No reading yet." },
  { id: "changes", title: "Logins, logouts, revocations", value: rate, names: happened(byPrefix("created.", "revoked.")), empty: "Nobody logged in or out in this time." },
  { id: "migration", title: "Migration", note: "old logins", value: rate, names: happened(byPrefix("migration.")), empty: "No old login came in this time." },
];

/** The share of each tier among the look-ups that found out something there. */
function shares(data) {
  const found = tiers.filter((tier) => data.series[`resolve.${tier}`]?.some((value) => value > 0));
  const totals = data.t.map((_, at) => found.reduce((sum, tier) => sum + (data.series[`resolve.${tier}`][at] ?? 0), 0));
  return found.map((tier) => ({
    label: { local: "memory", shared: "Redis", store: "store" }[tier],
    values: data.series[`resolve.${tier}`].map((value, at) => (totals[at] > 0 ? (100 * (value ?? 0)) / totals[at] : null)),
  }));
}

/** How many answers fell into each bucket, over the whole time. */
function distribution(data) {
  const buckets = Object.keys(data.series).filter((name) => name.startsWith("took."))
    .map((name) => ({ bound: name.slice(5) === "inf" ? Infinity : Number(name.slice(5)), sum: data.series[name].reduce((sum, value) => sum + (value ?? 0), 0) }))
    .sort((a, b) => a.bound - b.bound);
  const total = buckets.reduce((sum, bucket) => sum + bucket.sum, 0);
  return total > 0 ? buckets.map((bucket) => ({ ...bucket, share: (100 * bucket.sum) / total })) : [];
}

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const isDecade = (value) => value > 0 && Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6;
const palette = (index) => css(`--c${(index % 8) + 1}`);

function lines(chart, data) {
  if (chart.derive) return chart.derive(data);
  return chart.names(data).map((name) => ({
    label: label(name),
    values: data.series[name],
    dash: DASHES[name.split(".").at(-1)],
    color: chart.color?.(name),
  }));
}

/** The time of day, to the second where ticks are less than a minute apart. */
function clock(splits, apart) {
  const second = apart < 60 ? "2-digit" : undefined;
  return splits.map((at) => new Date(1000 * at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second, hour12: false }));
}

function axes(chart) {
  const axis = { stroke: css("--dim"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 }, font: "12px system-ui" };
  const value = chart.bars ? percent : chart.value;
  const grid = chart.log ? { ...axis.grid, filter: (_, splits) => splits.map((split) => (isDecade(split) ? split : null)) } : axis.grid;
  const time = { ...axis, size: 32, space: 76, values: (_, splits, _axis, _space, apart) => clock(splits, apart) };
  return [time, { ...axis, grid, ticks: { ...axis.ticks, show: !chart.log }, size: 64, values: (_, splits) => splits.map((split) => (split == null ? "" : value(split))) }];
}

/** One chart in its place. Draws into `host`; says `chart.empty` when there is nothing to draw. */
export class Chart {
  constructor(chart, host) {
    Object.assign(this, { chart, host, plot: null, shape: "" });
    this.words = host.querySelector("p");
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(host);
  }

  size() {
    return { width: Math.max(200, this.host.clientWidth), height: 200 };
  }

  forget() {
    this.plot?.destroy();
    this.plot = null;
    this.shape = "";
  }

  draw(data) {
    const drawn = this.chart.bars ? this.bars(data) : this.lines(data);
    this.words.hidden = drawn;
    this.host.dataset.drawn = drawn;
    if (!drawn) this.say(this.chart.empty);
  }

  /** Words instead of a drawing. */
  say(words) {
    this.forget();
    this.words.hidden = false;
    this.words.textContent = words;
  }

  lines(data) {
    const found = lines(this.chart, data).filter((line) => line.values.some((value) => value != null));
    if (found.length === 0) return false;
    const series = found.map((line, at) => ({
      label: line.label, stroke: palette(line.color >= 0 ? line.color : at), width: 1.6, dash: line.dash, spanGaps: false,
      points: { show: data.t.length < 3 }, value: (_, value) => this.chart.value(value),
    }));
    const range = (_, low, high) => [0, Math.max(this.chart.max ?? 0, (high || 1) * (this.chart.max ? 1 : 1.1))];
    // The first points of a process have some room before them, instead of years.
    const x = { range: (_, low, high) => [Math.min(low, high - 30 * data.step), high] };
    const options = { scales: { x, y: this.chart.log ? { distr: 3 } : { range } }, series: [{}, ...series] };
    this.put(options, [data.t, ...found.map((line) => line.values)], found.map((line) => line.label).join("|"));
    return true;
  }

  bars(data) {
    const buckets = distribution(data);
    if (buckets.length === 0) return false;
    const at = buckets.map((_, index) => index);
    const bound = (index) => (index in buckets ? (Number.isFinite(buckets[index].bound) ? `≤ ${seconds(buckets[index].bound)}` : "more") : "");
    const options = {
      scales: { x: { time: false, range: [-0.6, buckets.length - 0.4] }, y: { range: (_, low, high) => [0, Math.max(high, 1) * 1.1] } },
      series: [{ value: (_, index) => bound(index) }, { label: "share", fill: palette(0), stroke: palette(0), paths: uPlot.paths.bars({ size: [0.7, 60] }), points: { show: false }, value: (_, value) => percent(value) }],
      bottom: (splits) => splits.map((split) => (Number.isInteger(split) && split in buckets ? (Number.isFinite(buckets[split].bound) ? seconds(buckets[split].bound) : "more") : "")),
    };
    this.put(options, [at, buckets.map((bucket) => bucket.share)], `bars${buckets.length}`);
    return true;
  }

  put(options, columns, shape) {
    if (this.plot && this.shape === shape) {
      this.plot.setData(columns);
      this.latest();
      return;
    }
    this.forget();
    const [x, y] = axes(this.chart);
    if (options.bottom) Object.assign(x, { values: (_, splits) => options.bottom(splits), space: 44 });
    this.plot = new uPlot({ ...this.size(), padding: [8, 8, 0, 0], axes: [x, y], cursor: { drag: { x: false, y: false } }, ...options,
      legend: { show: !this.chart.bars, markers: { width: 0, fill: (_, at) => options.series[at]?.stroke ?? null } },
      hooks: { setCursor: [() => this.latest()] } }, columns, this.host);
    this.shape = shape;
    this.latest();
  }

  /** Nobody points anywhere: the legend says what is now. */
  latest() {
    if (!this.chart.bars && this.plot?.cursor.idx == null) this.plot?.setLegend({ idx: this.plot.data[0].length - 1 }, false);
  }
}
