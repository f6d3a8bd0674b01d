// A real provider of identities on this machine: npm's oidc-provider, in memory, whose people are who they say they are.
import { generateKeyPair } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after } from "node:test";
import { promisify } from "node:util";
import Provider from "oidc-provider";

export const client = { id: "revere", secret: "a-secret-of-the-browser-tests" };

async function key(kid) {
  const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" };
}

// What somebody is there, by what they log in as.
const people = {
  alice: { hd: "corp.example", email: "alice@corp.example", groups: ["staff", "ops"] },
  bob: { hd: "corp.example", email: "bob@corp.example", groups: ["staff"] },
  mallory: { hd: "evil.example", email: "mallory@evil.example", groups: [] },
};

// It listens until the file of stories ends. `base()` answers where the server is that people come back to.
export async function provide(base) {
  let current;
  const listener = createServer((request, answer) => current(request, answer)).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const issuer = `http://127.0.0.1:${listener.address().port}`;
  const open = async (kid) => {
    const redirects = () => ["google", "oidc"].map((way) => `${base()}/login/${way}/callback`);
    const provider = new Provider(issuer, {
      clients: [{ client_id: client.id, client_secret: client.secret, redirect_uris: redirects(), post_logout_redirect_uris: [`${base()}/login`] }],
      jwks: { keys: [await key(kid)] },
      cookies: { keys: ["a key for the cookies of a test"] },
      // As most others do: what was asked for is in the token, too.
      conformIdTokenClaims: false,
      claims: { openid: ["sub", "hd"], email: ["email", "email_verified"], profile: ["preferred_username", "groups"] },
      scopes: ["openid", "email", "profile"],
      pkce: { required: () => true },
      async findAccount(_, id) {
        return { accountId: id, claims: () => ({ sub: id, preferred_username: id, email_verified: true, ...people[id] }) };
      },
    });
    current = provider.callback();
  };
  after(() => {
    listener.close();
    listener.closeAllConnections();
  });
  return { issuer, open };
}

// Logs somebody in on the provider's pages.
export async function signIn(page, name) {
  await page.getByPlaceholder("Enter any login").fill(name);
  await page.getByPlaceholder("and password").fill("any");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}
