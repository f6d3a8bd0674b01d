// Numbers for people. The server writes them alike (`number_words.rs`); display_cases.json holds the cases that both are
// tested with. A number is never cut, and never rounded into another one unseen.
const GROUP = "\u202f";
const SPACE = "\u00a0";
const DIGITS = 6;
const SHORT_DIGITS = 4;
// Of a number so many digits are meant; what follows is how machines count.
const MEANT = 13;
const JOINED = new Set(["B", "B/s", "b", "b/s", "bit", "bit/s", "Hz", "W", "Wh", "J", "V", "A"]);
const PREFIXES = { 3: "k", 6: "M", 9: "G", 12: "T" };

// In the width of a column: `1 234 567`, `0.333333`, `123.5 G`, `1e-9`.
export function short(value, format = {}) {
  const number = decimal(value);
  const { decimals } = format;
  if (value === 0) return counted(fixed(number, decimals ?? 0), "", format);
  const everyday = number.exponent >= -4 && number.exponent < 7;
  const rounded = seen(number, everyday ? Math.max(DIGITS, Math.abs(number.exponent + 2)) : SHORT_DIGITS);
  if (rounded.exponent < -4 || rounded.exponent >= 15) return counted(scientific(rounded), "", format);
  if (rounded.exponent >= 7) {
    const power = Math.floor(rounded.exponent / 3) * 3;
    const less = seen(number, SHORT_DIGITS);
    return counted(positional({ ...less, exponent: less.exponent - power }), PREFIXES[power], format);
  }
  const keep = number.exponent + 1 + (decimals ?? 0);
  if (decimals != null && keep > 0) return counted(fixed(round(number, keep), decimals), "", format);
  return counted(positional(behind(number) ? rounded : number), "", format);
}

// The same of a whole number that is kept as a text because 64 bits have no room for it, however long it is; null for any other text.
export function shortOfText(text, format = {}) {
  const [, sign, digits] = /^(-?)([1-9]\d{18,})$/.exec(text) ?? [];
  if (!digits || BigInt.asIntN(64, BigInt(text)) === BigInt(text)) return null;
  const number = { negative: sign === "-", digits: trimmed(digits), exponent: digits.length - 1 };
  return counted(scientific(seen(number, SHORT_DIGITS)), "", format);
}

// With every digit, in groups: `123 506 019 586`.
export function whole(value, format = {}) {
  const number = decimal(value);
  if (number.exponent < -4 || number.exponent >= 16) return counted(scientific(number), "", format);
  const { decimals } = format;
  const text = decimals != null && behind(number) < decimals ? fixed(number, decimals) : positional(number);
  return counted(text, "", format);
}

// The labels of an axis: as many digits as its step needs, and one prefix or power for all of them. What the ticks stand
// for may be `by` powers of ten larger.
export function axisLabels(ticks, format = {}, by = 0) {
  if (!ticks.length) return [];
  const largest = decimal(Math.max(...ticks.map(Math.abs)));
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : largest.value;
  const [power, prefix] = by ? [largest.exponent, null] : scale(largest.exponent, largest.value === 0);
  const fine = seen(decimal(Math.abs(step) || 1), 3);
  const needed = Math.max(behind({ ...fine, exponent: fine.exponent - power }), prefix === "" && power === 0 ? (format.decimals ?? 0) : 0);
  return ticks.map((tick) => {
    const number = decimal(tick);
    const scaled = { ...number, exponent: number.exponent - power };
    const keep = scaled.exponent + 1 + needed;
    const text = fixed(tick === 0 || keep <= 0 ? decimal(0) : round(scaled, keep), needed);
    return prefix === null ? counted(`${text}e${power + by}`, "", format) : counted(text, prefix, format);
  });
}

// By what a number of that exponent is divided on an axis, and how that is said; null is a power of ten.
function scale(exponent, zero) {
  if (zero || (exponent >= -4 && exponent < 5)) return [0, ""];
  if (exponent < -4 || exponent >= 15) return [exponent, null];
  const power = Math.floor(exponent / 3) * 3;
  return [power, PREFIXES[power]];
}

function counted(number, prefix, { unit = "" }) {
  if (prefix && (unit === "bytes" || unit === "byte")) unit = "B";
  if (prefix && unit === "bytes/s") unit = "B/s";
  if (!prefix) return unit === "%" ? `${number}%` : unit ? number + SPACE + unit : number;
  if (!unit) return number + SPACE + prefix;
  const joint = unit === "%" || JOINED.has(unit) ? "" : SPACE;
  return number + SPACE + prefix + joint + unit;
}

// `d.ddd` times ten to the power of `exponent`, with the fewest digits that are read as the same number again.
function decimal(value) {
  const [mantissa, exponent] = Math.abs(value).toExponential().split("e");
  return { value, negative: value < 0, digits: mantissa.replace(".", ""), exponent: Number(exponent) };
}

// Digits behind the point.
function behind({ digits, exponent }) {
  return Math.max(0, trimmed(digits).length - 1 - exponent);
}

function trimmed(digits) {
  return digits.replace(/0+$/, "") || "0";
}

// With exactly `keep` digits, rounded half up.
function round(number, keep) {
  const digits = [...number.digits.padEnd(keep, "0").slice(0, keep)].map(Number);
  if (!(Number(number.digits[keep] ?? 0) >= 5)) return { ...number, digits: digits.join("") };
  let at = keep - 1;
  while (at >= 0 && digits[at] === 9) digits[at--] = 0;
  if (at >= 0) digits[at] += 1;
  else digits[0] = 1;
  return { ...number, digits: digits.join(""), exponent: number.exponent + (at < 0 ? 1 : 0) };
}

// With at most `keep` digits: as it is where it has no more, otherwise with all of them, so that it does not read as a
// rounder number.
function seen(number, keep) {
  let meant = number;
  if (number.digits.length > MEANT) {
    meant = round(number, MEANT);
    meant = { ...meant, digits: trimmed(meant.digits) };
  }
  return meant.digits.length <= keep ? meant : round(number, keep);
}

function positional({ negative, digits, exponent, value }) {
  const before = Math.max(0, exponent + 1);
  let text = negative ? "-" : "";
  for (let at = 0; at < before; at += 1) {
    if (at > 0 && before > 4 && (before - at) % 3 === 0) text += GROUP;
    text += digits[at] ?? "0";
  }
  if (!before) text += "0";
  if (digits.length > before && value !== 0) text += `.${"0".repeat(Math.max(0, -1 - exponent))}${digits.slice(before)}`;
  return text;
}

function fixed(number, decimals) {
  const text = positional(number);
  const there = text.split(".")[1]?.length ?? 0;
  return text + (there === 0 && decimals > 0 ? "." : "") + "0".repeat(Math.max(0, decimals - there));
}

function scientific(number) {
  return `${positional({ ...number, exponent: 0 })}e${number.exponent}`;
}
