-- Facts about this data folder: its public URL, the check value of its key.
CREATE TABLE meta (
	name TEXT NOT NULL PRIMARY KEY,
	value BLOB NOT NULL
);

-- Keys that sign access tokens; the private half is sealed.
CREATE TABLE signing_keys (
	id TEXT NOT NULL PRIMARY KEY,
	private BLOB NOT NULL,
	created_at BIGINT NOT NULL
);

CREATE TABLE accounts (
	id TEXT NOT NULL PRIMARY KEY,
	email TEXT NOT NULL,
	name TEXT NOT NULL,
	created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX accounts_email ON accounts (email);

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

-- Slugs that were freed and may not be taken again before free_at.
CREATE TABLE quarantined_slugs (
	slug TEXT NOT NULL PRIMARY KEY,
	free_at BIGINT NOT NULL
);
CREATE INDEX quarantined_slugs_free ON quarantined_slugs (free_at);

-- Workspaces that are gone but whose log is still being removed.
CREATE TABLE deleted_workspaces (
	workspace_id TEXT NOT NULL PRIMARY KEY,
	deleted_at BIGINT NOT NULL
);

CREATE TABLE members (
	workspace_id TEXT NOT NULL,
	account_id TEXT NOT NULL,
	role TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (workspace_id, account_id)
);
CREATE INDEX members_account ON members (account_id, workspace_id);

-- A grant is one authorization: what one person, or machine, let one client do.
CREATE TABLE grants (
	workspace_id TEXT NOT NULL,
	id TEXT NOT NULL,
	account_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	audience TEXT NOT NULL,
	scope TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (workspace_id, id)
);

-- Access tokens by jti; the token itself is nowhere. No row: no access.
CREATE TABLE tokens (
	workspace_id TEXT NOT NULL,
	id TEXT NOT NULL,
	grant_id TEXT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (workspace_id, id)
);
CREATE INDEX tokens_expiry ON tokens (expires_at);
CREATE INDEX tokens_grant ON tokens (workspace_id, grant_id);

-- Every applied change of a workspace's configuration.
CREATE TABLE versions (
	workspace_id TEXT NOT NULL,
	version BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	account_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	operation TEXT NOT NULL,
	PRIMARY KEY (workspace_id, version)
);

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

-- The log. seq and received_at are those of the newest event.
CREATE TABLE log_heads (
	workspace_id TEXT NOT NULL PRIMARY KEY,
	seq BIGINT NOT NULL,
	received_at BIGINT NOT NULL
);

-- The events of one workspace in one commit, in sequence. A block lies within
-- one page of 1,024 sequence numbers.
CREATE TABLE event_blocks (
	workspace_id TEXT NOT NULL,
	first_seq BIGINT NOT NULL,
	last_seq BIGINT NOT NULL,
	last_at BIGINT NOT NULL,
	events BLOB NOT NULL,
	PRIMARY KEY (workspace_id, first_seq)
);
CREATE INDEX event_blocks_time ON event_blocks (workspace_id, last_at, first_seq);

-- Which events of a full page carry a term (source:<id>). Written once, when
-- the page fills; the open page is scanned instead.
CREATE TABLE event_terms (
	workspace_id TEXT NOT NULL,
	term TEXT NOT NULL,
	page BIGINT NOT NULL,
	offsets BLOB NOT NULL,
	PRIMARY KEY (workspace_id, term, page)
);
CREATE INDEX event_terms_page ON event_terms (workspace_id, page);

-- What was answered to a request, or an event, that named itself.
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

-- The newest refusals of each source, in the order in which they came.
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
