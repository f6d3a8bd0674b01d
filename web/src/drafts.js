// What is typed is kept in the browser until it is saved: a closed tab or a server that is away loses nothing.

// What is kept: what stands in every field that someone fills in.
const fieldsOf = (form) => [...form.elements].filter((field) => field.name && !["hidden", "submit"].includes(field.type));
const valueOf = (field) => (field.type === "checkbox" ? field.checked : field.value);

export function drafts(form, setScript) {
  const key = `revere-draft:${location.pathname}${location.search}`;
  const place = document.getElementById("draft");
  const fields = fieldsOf(form);
  const read = () => Object.fromEntries(fields.map((field) => [field.name, valueOf(field)]));
  const initial = JSON.stringify(read());
  const refused = document.querySelector("[aria-invalid=true], .notice[role=alert]");
  let dirty = Boolean(refused);
  let saving = false;

  let stored = null;
  try {
    stored = JSON.parse(localStorage.getItem(key));
  } catch {
    // Nothing that can be read is kept.
  }
  const version = form.elements.version?.value ?? "";
  if (stored && !refused && JSON.stringify(stored.fields) !== initial) {
    const old = stored.version !== version;
    place.textContent = old ? "There is an unsaved draft of an older version. " : "There is an unsaved draft. ";
    const button = (text, what) => {
      const one = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: text });
      one.addEventListener("click", () => {
        place.textContent = "";
        what();
      });
      return one;
    };
    place.append(
      button("Take it up", () => {
        for (const field of fields) {
          if (!(field.name in stored.fields) || field.name === "script") continue;
          if (field.type === "checkbox") field.checked = stored.fields[field.name] === true;
          else field.value = stored.fields[field.name];
          field.dispatchEvent(new Event("input", { bubbles: true }));
        }
        setScript(stored.fields.script ?? "");
      }),
      button("Drop it", () => localStorage.removeItem(key)),
    );
  }

  let timer;
  form.addEventListener("input", () => {
    dirty = true;
    clearTimeout(timer);
    timer = setTimeout(keep, 400);
  });
  function keep() {
    try {
      if (JSON.stringify(read()) === initial && !refused) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify({ version, fields: read() }));
    } catch {
      // A browser that keeps nothing; the warning below remains.
    }
  }
  form.addEventListener("submit", () => {
    saving = true;
    clearTimeout(timer);
    keep();
    sessionStorage.setItem("revere-saving", key);
  });
  addEventListener("pageshow", () => (saving = false));
  addEventListener("beforeunload", (event) => {
    if (dirty && !saving && JSON.stringify(read()) !== initial) event.preventDefault();
  });
}
