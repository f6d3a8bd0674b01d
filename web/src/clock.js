// Times for people, in the one zone of the page. The server writes them alike (`time_words.rs`); display_cases.json holds
// the cases that both are tested with. Nothing is written as the browser's language would have it.
const forms = new Map();

// The zone of the page's times, as the server chose it.
export function pageZone() {
  return document.body.dataset.zone || "UTC";
}

function parts(ms, zone) {
  if (!forms.has(zone)) {
    const form = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      weekday: "short",
      day: "numeric",
      month: "short",
      year: "numeric",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
      timeZoneName: "longOffset",
    });
    forms.set(zone, form);
  }
  return Object.fromEntries(forms.get(zone).formatToParts(ms).map(({ type, value }) => [type, value]));
}

// `Wed 25 Nov 2026, 06:06:30 UTC+1`
export function exact(ms, zone) {
  const at = parts(ms, zone);
  return `${at.weekday} ${at.day} ${at.month} ${at.year}, ${at.hour}:${at.minute}:${at.second} ${offset(at.timeZoneName)}`;
}

// `25 Nov 2026 UTC+1`
export function farDay(ms, zone) {
  const at = parts(ms, zone);
  return `${at.day} ${at.month} ${at.year} ${offset(at.timeZoneName)}`;
}

// `25 Nov`
export function day(ms, zone) {
  const at = parts(ms, zone);
  return `${at.day} ${at.month}`;
}

// `06:06`, or `06:06:30`
export function clock(ms, zone, seconds) {
  const at = parts(ms, zone);
  return seconds ? `${at.hour}:${at.minute}:${at.second}` : `${at.hour}:${at.minute}`;
}

// `UTC`, `UTC+1`, `UTC-3:30`
function offset(name) {
  const [, sign, hours, minutes] = /^GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
  if (!sign || `${hours}${minutes}` === "0000") return "UTC";
  return `UTC${sign}${Number(hours)}${minutes === "00" ? "" : `:${minutes}`}`;
}
