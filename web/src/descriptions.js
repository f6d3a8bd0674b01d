// What the server says of its sources, and what else every script is given.
let asked;
let items = [];

// Asked once; what came last is there at once in `described`.
export function sources() {
  asked ??= fetch("/api/v1/sources")
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.status))))
    .then((answer) => (items = answer.items))
    .catch(() => {
      asked = undefined;
      return [];
    });
  return asked;
}

export const given = [
  { name: "history", signature: "(since='-7d', until=None)", doc: "The monitor's own recorded runs, oldest first: a list of .at, .state, .return_value; at most 20,000. A new monitor has none." },
  { name: "MonitorFailure", signature: "(message)", doc: "Raise it to say that what is watched is wrong: ALARM with its message." },
  { name: "SourceError", signature: "(message)", doc: "What a source that fails raises." },
];

// Signature and words of what is called, as far as they are known by now.
export function described({ source, method }) {
  if (source === null) return given.find((one) => one.name === method);
  return items.find((one) => one.name === source)?.methods.find((one) => one.name === method);
}
