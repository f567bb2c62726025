import assert from "node:assert/strict";
import { test } from "node:test";
import { mayReceiveCredentials } from "../../../../src/places/registry/auth/realm.ts";

const may = (registry: string, realm: string, trusted?: string[]) =>
  mayReceiveCredentials({ registry: new URL(registry), realm: new URL(realm), trusted });

test("the token servers of real registries may have their credentials", () => {
  const pairs: [string, string][] = [
    ["https://registry-1.docker.io", "https://auth.docker.io/token"],
    ["https://ghcr.io", "https://ghcr.io/token"],
    ["https://registry.gitlab.com", "https://gitlab.com/jwt/auth"],
    ["https://quay.io", "https://quay.io/v2/auth"],
    ["https://x.azurecr.io", "https://x.azurecr.io/oauth2/token"],
    ["https://registry.example.co.uk:5000", "https://auth.example.co.uk/token"],
    ["http://127.0.0.1:5000", "http://127.0.0.1:5000/token"],
    ["https://gitlab.example.com:5050", "https://gitlab.example.com/jwt/auth"],
    ["http://reg.lan:5000", "http://reg.lan:5000/token"],
    ["https://10.0.0.1:5000", "https://10.0.0.1:5001/token"],
  ];
  for (const [registry, realm] of pairs) assert.ok(may(registry, realm), `${registry} -> ${realm}`);
});

test("strangers, plain http and neighbours under a shared domain may not", () => {
  const pairs: [string, string][] = [
    ["https://registry.example.com", "https://evil.com/token"],
    ["https://registry.example.com", "https://example.com.evil.com/token"],
    ["https://registry.example.com", "https://notexample.com/token"],
    ["https://registry.example.com", "http://registry.example.com/token"],
    ["https://registry.example.com", "http://auth.example.com/token"],
    ["https://registry.example.com", "http://127.0.0.1/token"],
    ["https://127.0.0.1", "https://evil.com/token"],
    ["http://registry.example.com", "https://auth.example.com/token"],
    ["http://reg.lan:5000", "http://auth.lan:5001/token"],
    ["https://a.azurecr.io", "https://b.azurecr.io/token"],
    ["https://1.dkr.ecr.eu-west-1.amazonaws.com", "https://s3.amazonaws.com/token"],
    ["https://a.co.uk", "https://b.co.uk/token"],
    ["https://a.com.au", "https://b.com.au/token"],
    ["https://10.0.0.1", "https://11.0.0.1/token"],
    ["https://[2001:db8::1]", "https://[2001:db8::2]/token"],
    ["https://reg", "https://auth/token"],
    ["https://me.github.io", "https://you.github.io/token"],
  ];
  for (const [registry, realm] of pairs) assert.ok(!may(registry, realm), `${registry} -> ${realm}`);
});

test("on this machine another port is another host, whatever the scheme", () => {
  const pairs: [string, string][] = [
    ["http://127.0.0.1:5000", "http://127.0.0.1:5001/token"],
    ["http://localhost:5000", "http://[::1]:5000/token"],
    ["https://localhost:5000", "https://localhost:5001/token"],
    ["https://a.localhost:5000", "https://a.localhost/token"],
    ["https://registry.example.com", "https://localhost/token"],
  ];
  for (const [registry, realm] of pairs) {
    assert.ok(!may(registry, realm), `${registry} -> ${realm}`);
    const { host, hostname } = new URL(realm);
    if (host !== hostname) assert.ok(!may(registry, realm, [hostname]), `${registry} -> ${realm}`);
    assert.ok(may(registry, realm, [host]), `${registry} -> ${realm}`);
  }
});

test("a host that the user names may, over https", () => {
  assert.ok(may("https://r.example.com", "https://login.corp.net/token", ["login.corp.net"]));
  assert.ok(!may("https://r.example.com", "http://login.corp.net/token", ["login.corp.net"]));
});
