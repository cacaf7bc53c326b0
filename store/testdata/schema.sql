CREATE TABLE accounts (
	id TEXT NOT NULL PRIMARY KEY,
	email TEXT NOT NULL,
	name TEXT NOT NULL,
	created_at BIGINT NOT NULL
, password TEXT NOT NULL DEFAULT '');
CREATE UNIQUE INDEX accounts_email ON accounts (email);
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
CREATE TABLE attempts (
	name BLOB NOT NULL PRIMARY KEY,
	moments BLOB NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX attempts_expiry ON attempts (expires_at);
CREATE TABLE audit (
	workspace_id TEXT NOT NULL,
	id TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	account_id TEXT NOT NULL,
	email TEXT NOT NULL,
	client_id TEXT NOT NULL,
	operation TEXT NOT NULL,
	version BIGINT NOT NULL,
	changes TEXT NOT NULL,
	PRIMARY KEY (workspace_id, id)
);
CREATE TABLE browsers (
	hash BLOB NOT NULL PRIMARY KEY,
	account_id TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX browsers_account ON browsers (account_id);
CREATE INDEX browsers_expiry ON browsers (expires_at);
CREATE TABLE client_documents (
	client_id TEXT NOT NULL PRIMARY KEY,
	document TEXT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX client_documents_expiry ON client_documents (expires_at);
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
CREATE INDEX clients_idle ON clients (workspace_id, used_at, created_at);
CREATE UNIQUE INDEX clients_slug ON clients (workspace_id, slug);
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
CREATE TABLE consents (
	hash BLOB NOT NULL PRIMARY KEY,
	browser BLOB NOT NULL,
	request TEXT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX consents_browser ON consents (browser);
CREATE INDEX consents_expiry ON consents (expires_at);
CREATE TABLE deleted_workspaces (
	workspace_id TEXT NOT NULL PRIMARY KEY,
	deleted_at BIGINT NOT NULL
);
CREATE TABLE event_blocks (
	workspace_id TEXT NOT NULL,
	first_seq BIGINT NOT NULL,
	last_seq BIGINT NOT NULL,
	last_at BIGINT NOT NULL,
	events BLOB NOT NULL,
	PRIMARY KEY (workspace_id, first_seq)
);
CREATE INDEX event_blocks_time ON event_blocks (workspace_id, last_at, first_seq);
CREATE TABLE event_terms (
	workspace_id TEXT NOT NULL,
	term TEXT NOT NULL,
	page BIGINT NOT NULL,
	offsets BLOB NOT NULL,
	PRIMARY KEY (workspace_id, term, page)
);
CREATE INDEX event_terms_page ON event_terms (workspace_id, page);
CREATE TABLE grants (
	workspace_id TEXT NOT NULL,
	id TEXT NOT NULL,
	account_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	audience TEXT NOT NULL,
	scope TEXT NOT NULL,
	created_at BIGINT NOT NULL, client_name TEXT NOT NULL DEFAULT '', redirect_uri TEXT NOT NULL DEFAULT '', used_at BIGINT NOT NULL DEFAULT 0, issued BIGINT NOT NULL DEFAULT 0, issued_since BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (workspace_id, id)
);
CREATE INDEX grants_account ON grants (account_id, client_id);
CREATE TABLE http_endpoints (
	workspace_id TEXT NOT NULL,
	id TEXT NOT NULL,
	slug TEXT NOT NULL,
	name TEXT NOT NULL,
	url_path TEXT NOT NULL,
	enabled BIGINT NOT NULL,
	settings TEXT NOT NULL,
	basic_password BLOB,
	version BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX http_endpoints_slug ON http_endpoints (workspace_id, slug);
CREATE UNIQUE INDEX http_endpoints_url_path ON http_endpoints (workspace_id, url_path);
CREATE TABLE idempotency (
	workspace_id TEXT NOT NULL,
	source_id TEXT NOT NULL,
	name BLOB NOT NULL,
	digest BLOB NOT NULL,
	ids BLOB NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (workspace_id, source_id, name)
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);
CREATE TABLE log_heads (
	workspace_id TEXT NOT NULL PRIMARY KEY,
	seq BIGINT NOT NULL,
	received_at BIGINT NOT NULL
);
CREATE TABLE members (
	workspace_id TEXT NOT NULL,
	account_id TEXT NOT NULL,
	role TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (workspace_id, account_id)
);
CREATE INDEX members_account ON members (account_id, workspace_id);
CREATE TABLE meta (
	name TEXT NOT NULL PRIMARY KEY,
	value BLOB NOT NULL
);
CREATE TABLE quarantined_slugs (
	slug TEXT NOT NULL PRIMARY KEY,
	free_at BIGINT NOT NULL
, holder TEXT NOT NULL DEFAULT '');
CREATE INDEX quarantined_slugs_free ON quarantined_slugs (free_at);
CREATE TABLE refresh_tokens (
	workspace_id TEXT NOT NULL,
	hash BLOB NOT NULL,
	grant_id TEXT NOT NULL,
	expires_at BIGINT NOT NULL,
	used_at BIGINT NOT NULL,
	PRIMARY KEY (workspace_id, hash)
);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);
CREATE INDEX refresh_tokens_grant ON refresh_tokens (workspace_id, grant_id);
CREATE TABLE rejects (
	workspace_id TEXT NOT NULL,
	source_id TEXT NOT NULL,
	seq BIGINT NOT NULL,
	event_id TEXT NOT NULL,
	received_at BIGINT NOT NULL,
	code TEXT NOT NULL,
	reason TEXT NOT NULL,
	payload TEXT NOT NULL,
	PRIMARY KEY (workspace_id, source_id, seq)
);
CREATE TABLE schema_version (version BIGINT NOT NULL);
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
CREATE INDEX signin_links_browser ON signin_links (browser);
CREATE INDEX signin_links_email ON signin_links (email);
CREATE INDEX signin_links_expiry ON signin_links (expires_at);
CREATE TABLE signing_keys (
	id TEXT NOT NULL PRIMARY KEY,
	private BLOB NOT NULL,
	created_at BIGINT NOT NULL
);
CREATE TABLE tokens (
	workspace_id TEXT NOT NULL,
	id TEXT NOT NULL,
	grant_id TEXT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (workspace_id, id)
);
CREATE INDEX tokens_expiry ON tokens (expires_at);
CREATE INDEX tokens_grant ON tokens (workspace_id, grant_id);
CREATE TABLE versions (
	workspace_id TEXT NOT NULL,
	version BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	account_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	operation TEXT NOT NULL,
	PRIMARY KEY (workspace_id, version)
);
CREATE TABLE workspaces (
	id TEXT NOT NULL PRIMARY KEY,
	slug TEXT NOT NULL,
	name TEXT NOT NULL,
	avatar_url TEXT NOT NULL,
	default_role TEXT NOT NULL,
	settings TEXT NOT NULL,
	organization_id TEXT,
	version BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX workspaces_slug ON workspaces (slug);
