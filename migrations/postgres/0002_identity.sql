-- People who may sign in. E-mail addresses are in lower case. Without a password only a sign-in link lets them in.
CREATE TABLE users (
    id            UUID PRIMARY KEY,
    email         TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    password_hash TEXT,
    is_disabled   BOOLEAN NOT NULL DEFAULT FALSE,
    created_at    TIMESTAMPTZ NOT NULL
);

-- What each may do in which tenant.
CREATE TABLE memberships (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tenant  BIGINT NOT NULL REFERENCES tenants (id),
    role    TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
    PRIMARY KEY (user_id, tenant)
);
CREATE INDEX memberships_by_tenant ON memberships (tenant);

-- Browsers that are signed in. Of the token in their cookie only the SHA-256 is kept.
CREATE TABLE sessions (
    id           UUID PRIMARY KEY,
    token_hash   BYTEA NOT NULL UNIQUE,
    user_id      UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tenant       BIGINT NOT NULL REFERENCES tenants (id),
    address      TEXT NOT NULL,
    user_agent   TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);

-- Links that sign in once. Without a user: the first administrator, who does not exist yet.
CREATE TABLE sign_in_links (
    token_hash BYTEA PRIMARY KEY,
    user_id    UUID REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

-- Programs that may send or read. Of the secret only the SHA-256 is kept.
CREATE TABLE api_keys (
    id           UUID PRIMARY KEY,
    tenant       BIGINT NOT NULL REFERENCES tenants (id),
    name         TEXT NOT NULL,
    prefix       TEXT NOT NULL,
    secret_hash  BYTEA NOT NULL UNIQUE,
    can_ingest   BOOLEAN NOT NULL,
    can_read     BOOLEAN NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ,
    revoked_at   TIMESTAMPTZ
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant, created_at);

-- Who did what, when, from where. Rows are added and never changed.
CREATE TABLE audit (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant  BIGINT NOT NULL REFERENCES tenants (id),
    at      TIMESTAMPTZ NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    address TEXT NOT NULL,
    details JSONB NOT NULL
);
CREATE INDEX audit_by_tenant ON audit (tenant, id);
