// The key by which a browser knows the server: base64url for the server, bytes for the browser.

export function bytes(base64url) {
  const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

// Whether a subscription was made for this key, as far as the browser says.
export function fits(subscription, base64url) {
  const key = subscription.options?.applicationServerKey;
  if (!key) return true;
  const [is, wanted] = [new Uint8Array(key), bytes(base64url)];
  return is.length === wanted.length && is.every((byte, index) => byte === wanted[index]);
}
