-- A password, where one was set: argon2id in PHC form. Most people have none.
ALTER TABLE accounts ADD COLUMN password TEXT NOT NULL DEFAULT '';

-- Who is signed in, in which browser; the cookie itself is nowhere.
CREATE TABLE browsers (
	hash BLOB NOT NULL PRIMARY KEY,
	account_id TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX browsers_account ON browsers (account_id);
CREATE INDEX browsers_expiry ON browsers (expires_at);

-- Links that sign a person in, once. The account is empty where nobody has the
-- address that asked. browser is the one that asked, empty for a link that the
-- command line printed; code is what another browser was shown.
CREATE TABLE signin_links (
	hash BLOB NOT NULL PRIMARY KEY,
	account_id TEXT NOT NULL,
	email TEXT NOT NULL,
	browser BLOB NOT NULL,
	next TEXT NOT NULL,
	code BLOB NOT NULL,
	tries BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX signin_links_email ON signin_links (email);
CREATE INDEX signin_links_browser ON signin_links (browser);
CREATE INDEX signin_links_expiry ON signin_links (expires_at);

-- What was done of late by whom there is a limit for: the moments, packed.
CREATE TABLE attempts (
	name BLOB NOT NULL PRIMARY KEY,
	moments BLOB NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX attempts_expiry ON attempts (expires_at);

-- Authorization requests that wait for a person's answer.
CREATE TABLE consents (
	hash BLOB NOT NULL PRIMARY KEY,
	browser BLOB NOT NULL,
	request TEXT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX consents_expiry ON consents (expires_at);
CREATE INDEX consents_browser ON consents (browser);

-- OAuth 2.0 clients. The workspace is empty for those that registered
-- themselves. secret and registration are digests, empty for none.
CREATE TABLE clients (
	workspace_id TEXT NOT NULL,
	id TEXT NOT NULL,
	slug TEXT NOT NULL,
	name TEXT NOT NULL,
	settings TEXT NOT NULL,
	secret BLOB NOT NULL,
	registration BLOB NOT NULL,
	version BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	used_at BIGINT NOT NULL,
	PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX clients_id ON clients (id);
CREATE UNIQUE INDEX clients_slug ON clients (workspace_id, slug);
CREATE INDEX clients_idle ON clients (workspace_id, used_at, created_at);

-- Client ID metadata documents, as they were fetched.
CREATE TABLE client_documents (
	client_id TEXT NOT NULL PRIMARY KEY,
	document TEXT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX client_documents_expiry ON client_documents (expires_at);

-- Where a grant was asked from, and how it goes on.
ALTER TABLE grants ADD COLUMN client_name TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN redirect_uri TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
UPDATE grants SET used_at = created_at;
-- How many tokens it brought since a moment, an hour ago at the most.
ALTER TABLE grants ADD COLUMN issued BIGINT NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN issued_since BIGINT NOT NULL DEFAULT 0;
CREATE INDEX grants_account ON grants (account_id, client_id);

-- Authorization codes, by digest. tried_at is when a verifier was first held
-- against the challenge, used_at when the code was redeemed; 0 for not yet.
CREATE TABLE codes (
	workspace_id TEXT NOT NULL,
	hash BLOB NOT NULL,
	grant_id TEXT NOT NULL,
	account_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	client_name TEXT NOT NULL,
	audience TEXT NOT NULL,
	scope TEXT NOT NULL,
	redirect_uri TEXT NOT NULL,
	asked_redirect TEXT NOT NULL,
	challenge TEXT NOT NULL,
	expires_at BIGINT NOT NULL,
	tried_at BIGINT NOT NULL,
	used_at BIGINT NOT NULL,
	PRIMARY KEY (workspace_id, hash)
);
CREATE INDEX codes_expiry ON codes (expires_at);

-- Refresh tokens, by digest. A used one stays, so that its reuse is noticed.
CREATE TABLE refresh_tokens (
	workspace_id TEXT NOT NULL,
	hash BLOB NOT NULL,
	grant_id TEXT NOT NULL,
	expires_at BIGINT NOT NULL,
	used_at BIGINT NOT NULL,
	PRIMARY KEY (workspace_id, hash)
);
CREATE INDEX refresh_tokens_grant ON refresh_tokens (workspace_id, grant_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

-- Keys for scripts, by digest; prefix is what a person tells them apart by.
CREATE TABLE api_keys (
	workspace_id TEXT NOT NULL,
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	slug TEXT NOT NULL,
	prefix TEXT NOT NULL,
	hash BLOB NOT NULL,
	scope TEXT NOT NULL,
	account_id TEXT NOT NULL,
	version BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	used_at BIGINT NOT NULL,
	PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (workspace_id, hash);
CREATE UNIQUE INDEX api_keys_slug ON api_keys (workspace_id, slug);
