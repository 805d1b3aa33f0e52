// Fills in the status page: asks for /api/status every two seconds, keeps five minutes of it, and says so when nobody answers.
// Whatever it shows is set as text, never as markup: names come from the configuration, words about failures from the network.
"use strict";

const PERIOD = 2000;      // Milliseconds.
const PATIENCE = 5000;
const KEPT = 150;         // Readings: five minutes.
const MINUTE = 30;        // Readings.
const SOON = 7 * 86400;   // Seconds until a certificate expires, when that is worth a word.
const SATURATED = 0.95;   // Of a core.

const readings = [];      // The last ones, oldest first; each is what /api/status said.
let silent_since = null;  // When the first question of those without an answer was asked.

// ---------------------------------------------------------------- words for numbers

const UNKNOWN = "–";
const NARROW = "\u00a0";  // Between a number and its unit: no line ends there.

function scaled(value, units, step) {
  let unit = 0;
  while (Math.abs(value) >= step && unit < units.length - 1) {
    value /= step;
    ++unit;
  }
  const digits = Math.max(3, Math.ceil(Math.log10(Math.abs(value) + 1)));
  return [String(Number(value.toPrecision(digits))), units[unit]].filter((part) => part).join(NARROW);
}

const many = (value) => value === null ? UNKNOWN : scaled(value, ["", "k", "M", "G"], 1000);
const octets = (value) => scaled(value, ["B", "KiB", "MiB", "GiB", "TiB"], 1024);
const percent = (share) => share === null ? UNKNOWN : (100 * share).toFixed(share > 0.999 && share < 1 ? 2 : 1) + NARROW + "%";
const duration = (seconds) => seconds === null ? UNKNOWN : scaled(seconds * 1e6, ["µs", "ms", "s"], 1000);

function span(seconds) {
  seconds = Math.max(0, Math.round(seconds));
  const [large, small, unit, lower] = seconds < 60 ? [0, seconds, "", "s"]
    : seconds < 3600 ? [Math.floor(seconds / 60), seconds % 60, "min", "s"]
    : seconds < 86400 ? [Math.floor(seconds / 3600), Math.floor(seconds % 3600 / 60), "h", "min"]
    : [Math.floor(seconds / 86400), Math.floor(seconds % 86400 / 3600), "d", "h"];
  return (unit ? `${large}${NARROW}${unit} ` : "") + `${small}${NARROW}${lower}`;
}

const date = (seconds) => new Date(seconds * 1000).toLocaleString();
const day = (seconds) => new Date(seconds * 1000).toLocaleDateString();
const time = (milliseconds) => new Date(milliseconds).toLocaleTimeString();

// ---------------------------------------------------------------- figures from readings

const now = () => readings[readings.length - 1];
const named = (list, key, name) => list.find((one) => one[key] === name);

/// Of `value` (a reading to a number), how much more a second between two readings; null if there is no telling.
function rate_between(earlier, later, value) {
  if (!earlier || later.now <= earlier.now) return null;
  const before = value(earlier);
  const after = value(later);
  if (before === undefined || after === undefined || after < before) return null;
  return (after - before) / (later.now - earlier.now);
}

const rate = (value) => rate_between(readings[readings.length - 2], now(), value);
const course = (value) => readings.slice(1).map((reading, i) => rate_between(readings[i], reading, value));

const sum = (list, key) => list.reduce((total, one) => total + one[key], 0);
const hits = (reading) => sum(reading.caches, "hits");
const misses = (reading) => sum(reading.caches, "misses");

function share_between(earlier, later, part, rest) {
  const some = rate_between(earlier, later, part);
  const others = rate_between(earlier, later, rest);
  return some === null || others === null || some + others === 0 ? null : some / (some + others);
}

/// What `share` of the durations of the last minute stayed under, in seconds. Bucket i of `counts` ends at 2^i µs, the last but
/// one at 8.4 s; within a bucket they are taken to be spread evenly.
function quantile(counts_of, share) {
  const counts = counts_of(now());
  const earlier = counts_of(readings[Math.max(0, readings.length - 1 - MINUTE)]);
  if (!counts || !earlier) return null;
  const grown = counts.map((count, i) => count - earlier[i]);
  const wanted = share * grown.reduce((total, count) => total + count, 0);
  if (!(wanted > 0) || grown.some((count) => count < 0)) return null;
  let before = 0;
  for (let i = 0; i < grown.length; ++i) {
    if (grown[i] > 0 && before + grown[i] >= wanted) {
      const end = 2 ** Math.min(i, grown.length - 2);
      const begin = i === 0 ? 0 : i === grown.length - 1 ? end : end / 2;
      return (begin + (end - begin) * (wanted - before) / grown[i]) / 1e6;
    }
    before += grown[i];
  }
  return null;
}

// ---------------------------------------------------------------- what is wrong

function level_of(backend) {
  if (backend.in_rotation) return backend.state === "doubted" ? "warn" : "good";
  return is_meant(backend) ? "warn" : "bad";
}

const is_meant = (backend) => backend.operator === "down" || (backend.mode === "down" && backend.operator !== "auto");

function state_of(backend) {
  if (backend.operator === "down") return "taken out";
  if (backend.operator === "up") return "kept in";
  if (!backend.in_rotation) return backend.mode === "down" ? "never asked" : "out of rotation";
  return backend.state === "doubted" ? "in doubt" : "in rotation";
}

/// Why a resolver is in the state it is in; nothing if all is well.
function why(backend) {
  if (backend.operator !== "auto") return "by the operator";
  if (level_of(backend) === "good") return "";
  if (is_meant(backend)) return "by the configuration";
  const failure = backend.last_failure;
  return failure ? `${failure.class}: ${failure.text}, ${span(now().now - failure.at)} ago` : "its queries fail";
}

/// {level, text} for each thing that an operator would want to know.
function troubles(status) {
  const found = [];
  if (!status.healthy) found.push({level: "bad", text: status.why});
  for (const note of status.notes) found.push({level: "warn", text: note});
  for (const off of status.off) found.push({level: "bad", text: off});
  const out = status.backends.filter((backend) => level_of(backend) === "bad").map((backend) => backend.name);
  if (out.length > 0) found.push({level: "warn", text: `out of rotation: ${out.join(", ")}`});
  for (const backend of status.backends) {
    if (backend.operator !== "auto") found.push({level: "warn", text: `held ${backend.operator} by the operator: ${backend.name}`});
    else if (level_of(backend) === "warn" && !is_meant(backend)) found.push({level: "warn", text: `in doubt: ${backend.name}`});
    if (backend.certificate_expiry === null) continue;
    const left = backend.certificate_expiry - status.now;
    if (left < 0) found.push({level: "bad", text: `the certificate of ${backend.name} has expired`});
    else if (left < SOON) found.push({level: "warn", text: `the certificate of ${backend.name} expires in ${span(left)}`});
  }
  for (const port of status.ports) if (port.why) found.push({level: "bad", text: `${port.name} cannot serve: ${port.why}`});
  for (const core of status.cores) {
    if (core.busy > SATURATED) found.push({level: "warn", text: `CPU ${core.cpu} has no time left`});
  }
  if (status.config.last_error) found.push({level: "warn", text: `the last reload failed: ${status.config.last_error}`});
  return found;
}

// ---------------------------------------------------------------- onto the page

const by_id = (id) => document.getElementById(id);

/// Sets what has changed only, so that a selection and a reader's place are kept.
function set_text(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function set_attribute(node, name, value) {
  if (value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/// The child of `parent` at `index`, a `tag`; the parts that come after the last one are `trim`med.
function child(parent, index, tag) {
  return parent.children[index] ?? parent.appendChild(document.createElement(tag));
}

function trim(parent, count) {
  while (parent.children.length > count) parent.lastElementChild.remove();
}

/// A line of the values, a minute of them at least, gaps for null; the highest at the top, 0 at the bottom.
function sparkline(values, most = 0) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  const top = Math.max(most, ...values.filter((value) => value !== null)) || 1;
  const slots = Math.max(values.length, MINUTE) - 1;
  let pen = "M";
  const parts = values.map((value, i) => {
    if (value === null) {
      pen = "M";
      return "";
    }
    const part = `${pen}${(100 * (1 - (values.length - 1 - i) / slots)).toFixed(1)} ${(19 - 18 * value / top).toFixed(1)}`;
    pen = "L";
    return part;
  });
  set_attribute(path, "d", parts.join("") || "M0 0");
  set_attribute(svg, "viewBox", "0 0 100 20");
  set_attribute(svg, "preserveAspectRatio", "none");
  set_attribute(svg, "aria-hidden", "true");
  return svg;
}

function meter(share) {
  const node = document.createElement("meter");
  node.value = share ?? 0;
  set_attribute(node, "aria-hidden", "true");  // The text beside it says the same.
  return node;
}

/// A cell is a text, or {text, quiet, level, before, after}: a second line, good, warn or bad, and nodes around.
function fill_cell(node, cell) {
  if (typeof cell === "string") cell = {text: cell};
  const parts = [cell.before, cell.text, cell.quiet && quiet(cell.quiet), cell.after].filter((part) => part);
  const is_plain = parts.every((part) => typeof part === "string");
  set_attribute(node, "data-level", cell.level);
  if (is_plain && !node.firstElementChild) set_text(node, parts.join(""));
  else if (!is_same(node, parts)) node.replaceChildren(...parts);
}

function is_same(node, parts) {
  return node.childNodes.length === parts.length && parts.every((part, i) => {
    const old = node.childNodes[i];
    return typeof part === "string" ? old.nodeType === Node.TEXT_NODE && old.data === part : old.isEqualNode(part);
  });
}

function quiet(text) {
  const node = document.createElement("span");
  node.className = "quiet";
  node.textContent = text;
  return node;
}

/// On a phone rows are blocks, and then browsers forget what tables, rows and cells they are.
function keep_meaning() {
  const roles = {TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TH: "columnheader"};
  for (const node of document.querySelectorAll("table, table *")) set_attribute(node, "role", roles[node.tagName]);
}

/// `rows`: for each, its cells, the first of which names it.
function fill_table(id, rows) {
  const body = by_id(id).tBodies[0];
  const labels = [...by_id(id).tHead.rows[0].cells].map((cell) => cell.textContent);
  rows.forEach((cells, i) => {
    const row = child(body, i, "tr");
    set_attribute(row, "role", "row");
    cells.forEach((cell, j) => {
      const node = child(row, j, j === 0 ? "th" : "td");
      if (j === 0) set_attribute(node, "scope", "row");
      set_attribute(node, "role", j === 0 ? "rowheader" : "cell");
      set_attribute(node, "data-label", labels[j]);
      fill_cell(node, cell);
    });
  });
  trim(body, rows.length);
}

function show_head(status) {
  const found = troubles(status);
  const worst = found.some((one) => one.level === "bad") ? "bad" : found.length > 0 ? "warn" : "good";
  set_text(by_id("headline"), !status.healthy ? "Not healthy" : worst === "good" ? "Healthy" : "Answering, with trouble");
  set_attribute(by_id("headline"), "data-level", worst);
  const list = by_id("troubles");
  found.forEach((one, i) => set_text(child(list, i, "li"), one.text));
  trim(list, found.length);
  list.hidden = found.length === 0;
  document.title = found.length === 0 ? "dotline" : `(${found.length}) dotline`;
  set_text(by_id("about"), `Version ${status.version.dotline}, process ${status.pid}, up for ${span(status.uptime)}. ` +
    `${status.config.file}, read ${date(status.config.loaded)}, generation ${status.config.generation}.`);
}

function show_figures(status) {
  const servfail = (reading) => reading.replies.servfail;
  const shares = readings.slice(1).map((reading, i) => share_between(readings[i], reading, hits, misses));
  const of_replies = (reading) => reading.reply_duration.counts;
  const figures = [
    ["Queries/s", many(rate((reading) => reading.queries)), course((reading) => reading.queries)],
    ["From the cache", percent(shares.at(-1) ?? null), shares, 1],
    ["Misses/s", many(rate(misses)), course(misses)],
    ["Reply, p50", duration(quantile(of_replies, 0.5))],
    ["Reply, p99", duration(quantile(of_replies, 0.99))],
    ["SERVFAIL/s", many(rate(servfail)), course(servfail)],
    ["Dropped/s", many(rate((reading) => reading.dropped)), course((reading) => reading.dropped)],
    ["Waiting", many(status.parked), readings.map((reading) => reading.parked)],
  ];
  figures.forEach(([name, text, values, most], i) => {
    const figure = child(by_id("figures"), i, "div");
    set_text(child(figure, 0, "dt"), name);
    set_text(child(figure, 1, "dd"), text);
    if (!values) return;
    const line = child(figure, 2, "dd");
    line.replaceChildren(sparkline(values, most));
    set_attribute(line, "aria-hidden", "true");
  });
}

function expiry(backend) {
  if (backend.certificate_expiry === null) return UNKNOWN;
  const left = backend.certificate_expiry - now().now;
  return left < 0 ? {text: "expired", quiet: day(backend.certificate_expiry)}
                  : {text: span(left), quiet: day(backend.certificate_expiry)};
}

function show_backends(status) {
  fill_table("backends", status.backends.map((backend) => {
    const same = (reading) => named(reading.backends, "name", backend.name);
    const counts = (reading) => same(reading)?.duration_counts;
    const queries = (reading) => same(reading)?.queries;
    const way = backend.proxy ? ` through ${backend.proxy}` : "";
    const check = backend.last_check;
    return [
      {text: backend.name, quiet: `${backend.address}, ${backend.protocol}${way}, as ${backend.identity}`},
      {text: state_of(backend), level: level_of(backend)},
      span(status.now - backend.since),
      why(backend),
      many(rate(queries)),
      many(backend.sessions),
      many(backend.in_flight),
      duration(quantile(counts, 0.5)),
      duration(quantile(counts, 0.99)),
      check ? {text: check.result, quiet: `${span(status.now - check.at)} ago`} : "none yet",
      expiry(backend),
      {text: "", after: sparkline(course(queries))},
    ];
  }));
}

function show_rest(status) {
  fill_table("caches", status.caches.map((cache) => {
    const of = (key) => (reading) => named(reading.caches, "name", cache.name)?.[key];
    const share = share_between(readings[readings.length - 2], status, of("hits"), of("misses"));
    return [cache.name, percent(share), many(cache.entries), {text: percent(cache.entries / cache.capacity),
      before: meter(cache.entries / cache.capacity)}, octets(cache.bytes), many(rate(of("evictions")))];
  }));
  fill_table("cores", status.cores.map((core) => [
    String(core.cpu),
    {text: percent(core.busy), before: meter(core.busy)},
    {text: "", after: sparkline(readings.map((reading) => named(reading.cores, "cpu", core.cpu)?.busy ?? null), 1)},
  ]));
  fill_table("ports", status.ports.map((port) => {
    const of = (key) => (reading) => named(reading.ports, "name", port.name)?.[key];
    return [port.name, port.link ? {text: "up", level: "good"} : {text: "down", level: "bad"}, many(rate(of("received"))),
      many(rate(of("sent")))];
  }));
  fill_table("pools", status.pools.map((pool) => [pool.name || "(default)", pool.policy, pool.cache ?? "none",
    pool.domains.join(", ") || "all others", pool.backends.join(", ")]));
}

function show(status) {
  show_head(status);
  show_figures(status);
  show_backends(status);
  show_rest(status);
  by_id("content").hidden = false;
  by_id("content").classList.remove("old");
}

function show_silence() {
  set_text(by_id("headline"), `No answer from dotline since ${time(silent_since)}`);
  set_attribute(by_id("headline"), "data-level", "bad");
  set_text(by_id("about"), `It has been silent for ${span((Date.now() - silent_since) / 1000)}. ` +
    (readings.length > 0 ? "What is below is from before." : ""));
  by_id("troubles").hidden = true;
  by_id("content").classList.add("old");
  document.title = "(!) dotline";
}

// ---------------------------------------------------------------- again and again

async function look() {
  const asked = Date.now();
  try {
    const reply = await fetch("/api/status", {cache: "no-store", signal: AbortSignal.timeout(PATIENCE)});
    if (!reply.ok) throw new Error(`status ${reply.status}`);
    const status = await reply.json();
    if (readings.length > 0 && status.uptime < now().uptime) readings.length = 0;  // It is another process.
    readings.push(status);
    if (readings.length > KEPT) readings.shift();
    silent_since = null;
    show(status);
  } catch {
    silent_since ??= asked;
    show_silence();
  }
  setTimeout(look, Math.max(0, PERIOD - (Date.now() - asked)));
}

keep_meaning();
look();
