//! People, sessions, keys and the audit record, on both engines.

use app::model::{ApiKey, Role, TenantId};
use chrono::{DateTime, TimeDelta, Utc};
use server::store::{
    Stores,
    identity::{NewAudit, NewKey, NewSession, SecretHash, User},
};
use uuid::Uuid;

use crate::support::{Home, on_both_engines};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn user(email: &str) -> User {
    User {
        id: Uuid::new_v4(),
        email: email.to_owned(),
        name: "Ines Lindqvist".to_owned(),
        password_hash: Some("$argon2id$…".to_owned()),
        is_disabled: false,
        created_at: now(),
    }
}

fn session(user: &User, hash: u8) -> NewSession {
    NewSession {
        id: Uuid::new_v4(),
        token_hash: [hash; 32],
        user: user.id,
        tenant: TenantId::DEFAULT,
        address: "127.0.0.1".to_owned(),
        user_agent: "Firefox".to_owned(),
        created_at: now(),
        expires_at: now() + TimeDelta::days(30),
    }
}

async fn open(stores: &Stores, hash: &SecretHash, at: DateTime<Utc>) -> Option<server::store::identity::Session> {
    stores.identity.session(hash, at, at - TimeDelta::days(7)).await.unwrap()
}

mod cases {
    use super::*;

    pub async fn a_user_is_found_by_address_and_is_a_member(_home: &Home, stores: &Stores) {
        let store = &stores.identity;
        assert!(!store.has_users().await.unwrap());
        let ines = user("ines@example.com");
        assert!(store.add_user(&ines, TenantId::DEFAULT, Role::Admin).await.unwrap());
        assert!(!store.add_user(&user("ines@example.com"), TenantId::DEFAULT, Role::Viewer).await.unwrap());
        assert!(store.has_users().await.unwrap());
        assert_eq!(store.user_by_email("ines@example.com").await.unwrap(), Some(ines.clone()));
        assert_eq!(store.user(ines.id).await.unwrap(), Some(ines.clone()));
        assert_eq!(store.user_by_email("nobody@example.com").await.unwrap(), None);

        store.set_name(ines.id, "Ines").await.unwrap();
        assert_eq!(store.set_password(ines.id, None, Some("another"), None).await.unwrap(), None, "not that one");
        assert_eq!(store.set_password(ines.id, None, Some("$argon2id$…"), None).await.unwrap(), Some(0));
        let members = store.members(TenantId::DEFAULT, None, 10).await.unwrap();
        let [member] = members.as_slice() else { panic!("{members:?}") };
        assert_eq!((member.name.as_str(), member.role, member.has_password), ("Ines", Role::Admin, false));
        assert!(store.members(TenantId::DEFAULT, Some("ines@example.com"), 10).await.unwrap().is_empty());
    }

    pub async fn members_belong_to_tenants_with_a_role_in_each(_home: &Home, stores: &Stores) {
        let store = &stores.identity;
        let acme = store.add_tenant("acme", now()).await.unwrap().unwrap();
        assert_eq!(store.add_tenant("acme", now()).await.unwrap(), None);
        let names: Vec<String> = store.tenants().await.unwrap().into_iter().map(|tenant| tenant.name).collect();
        assert_eq!(names, ["acme", "default"]);

        let ines = user("ines@example.com");
        store.add_user(&ines, TenantId::DEFAULT, Role::Admin).await.unwrap();
        assert!(store.members(acme, None, 10).await.unwrap().is_empty());
        store.set_role(ines.id, acme, Some(Role::Viewer)).await.unwrap();
        store.set_role(ines.id, acme, Some(Role::Editor)).await.unwrap();
        let roles: Vec<(String, Role)> =
            store.tenants_of(ines.id).await.unwrap().into_iter().map(|(tenant, role)| (tenant.name, role)).collect();
        assert_eq!(roles, [("acme".to_owned(), Role::Editor), ("default".to_owned(), Role::Admin)]);
        store.set_role(ines.id, acme, None).await.unwrap();
        assert_eq!(store.tenants_of(ines.id).await.unwrap().len(), 1);
    }

    pub async fn a_session_lives_until_it_ends_idles_or_is_closed(_home: &Home, stores: &Stores) {
        let store = &stores.identity;
        let ines = user("ines@example.com");
        store.add_user(&ines, TenantId::DEFAULT, Role::Editor).await.unwrap();
        let first = session(&ines, 1);
        assert!(store.open_session(&first, None).await.unwrap());
        let found = open(stores, &[1; 32], now()).await.unwrap();
        assert_eq!((found.id, found.role, found.tenant_name.as_str()), (first.id, Role::Editor, "default"));
        assert_eq!(open(stores, &[2; 32], now()).await, None, "another token");

        let later = now() + TimeDelta::days(8);
        assert_eq!(open(stores, &[1; 32], later).await, None, "idle for too long");
        store.touch_session(first.id, now() + TimeDelta::days(6)).await.unwrap();
        assert!(open(stores, &[1; 32], later).await.is_some());
        store.touch_session(first.id, now() + TimeDelta::days(29)).await.unwrap();
        assert_eq!(open(stores, &[1; 32], now() + TimeDelta::days(30)).await, None, "at its end");

        let (second, third) = (session(&ines, 2), session(&ines, 3));
        assert!(store.open_session(&second, None).await.unwrap());
        assert!(store.open_session(&third, None).await.unwrap());
        assert_eq!(store.sessions_of(ines.id, now()).await.unwrap().len(), 3);
        assert_eq!(store.close_sessions(ines.id, Some(second.id), None).await.unwrap(), [second.id]);
        assert!(store.close_sessions(Uuid::new_v4(), Some(third.id), None).await.unwrap().is_empty(), "not theirs");
        assert_eq!(store.close_sessions(ines.id, None, Some(third.id)).await.unwrap(), [first.id]);
        assert!(open(stores, &[3; 32], now()).await.is_some());
        assert_eq!(store.remove_ended(now() + TimeDelta::days(31), now()).await.unwrap(), 1);
    }

    pub async fn a_session_ends_with_the_membership_and_with_the_user(_home: &Home, stores: &Stores) {
        let store = &stores.identity;
        let acme = store.add_tenant("acme", now()).await.unwrap().unwrap();
        let ines = user("ines@example.com");
        store.add_user(&ines, TenantId::DEFAULT, Role::Viewer).await.unwrap();
        let one = session(&ines, 1);
        assert!(store.open_session(&one, None).await.unwrap());
        assert!(!store.switch_session(one.id, acme).await.unwrap(), "not a member");
        store.set_role(ines.id, acme, Some(Role::Viewer)).await.unwrap();
        assert!(store.switch_session(one.id, acme).await.unwrap());
        assert_eq!(open(stores, &[1; 32], now()).await.unwrap().tenant, acme);
        store.set_role(ines.id, acme, None).await.unwrap();
        assert_eq!(open(stores, &[1; 32], now()).await, None, "no longer a member");
        assert!(store.switch_session(one.id, TenantId::DEFAULT).await.unwrap());
        assert!(store.set_disabled(ines.id, true).await.unwrap());
        assert_eq!(open(stores, &[1; 32], now()).await, None, "disabled");
        assert!(store.set_disabled(ines.id, false).await.unwrap());
        assert_eq!(open(stores, &[1; 32], now()).await, None, "a session that was closed stays closed");
        assert!(!store.set_disabled(Uuid::new_v4(), true).await.unwrap());
    }

    pub async fn a_link_works_once_and_only_the_latest(_home: &Home, stores: &Stores) {
        let store = &stores.identity;
        let end = now() + TimeDelta::minutes(15);
        store.add_link(&[1; 32], None, now(), end).await.unwrap();
        store.add_link(&[2; 32], None, now(), end).await.unwrap();
        assert_eq!(store.use_link(&[1; 32], now()).await.unwrap(), None, "a later one was made");
        assert!(store.peek_link(&[2; 32], now()).await.unwrap().is_some());
        assert_eq!(store.use_link(&[2; 32], end).await.unwrap(), None, "too late");
        let tries = futures::future::join_all((0..8).map(|_| store.use_link(&[2; 32], now()))).await;
        assert_eq!(tries.into_iter().filter(|one| one.as_ref().unwrap().is_some()).count(), 1);

        let ines = user("ines@example.com");
        store.add_user(&ines, TenantId::DEFAULT, Role::Viewer).await.unwrap();
        store.add_link(&[3; 32], Some(ines.id), now(), end).await.unwrap();
        store.add_link(&[4; 32], None, now(), end).await.unwrap();
        assert_eq!(store.use_link(&[3; 32], now()).await.unwrap().unwrap().user, Some(ines.id));
    }

    pub async fn a_key_is_found_by_its_secret_until_it_is_revoked_or_ends(_home: &Home, stores: &Stores) {
        let store = &stores.identity;
        let acme = store.add_tenant("acme", now()).await.unwrap().unwrap();
        let key = ApiKey {
            id: Uuid::new_v4(),
            name: "collector".to_owned(),
            prefix: "cst_abcd".to_owned(),
            can_ingest: true,
            can_read: false,
            created_by: "ines@example.com".to_owned(),
            created_at: now(),
            expires_at: Some(now() + TimeDelta::days(1)),
            last_used_at: None,
            revoked_at: None,
        };
        store.add_key(acme, &NewKey { key: key.clone(), secret_hash: [9; 32] }).await.unwrap();
        assert_eq!(store.key_by_secret(&[9; 32], now()).await.unwrap(), Some((acme, key.clone())));
        assert_eq!(store.key_by_secret(&[8; 32], now()).await.unwrap(), None);
        assert_eq!(store.key_by_secret(&[9; 32], now() + TimeDelta::days(1)).await.unwrap(), None, "ended");
        store.touch_key(key.id, now()).await.unwrap();
        assert_eq!(store.keys(acme).await.unwrap()[0].last_used_at, Some(now()));
        assert!(store.keys(TenantId::DEFAULT).await.unwrap().is_empty());
        assert!(!store.revoke_key(TenantId::DEFAULT, key.id, now()).await.unwrap(), "another tenant's");
        assert!(store.revoke_key(acme, key.id, now()).await.unwrap());
        assert!(!store.revoke_key(acme, key.id, now()).await.unwrap(), "already");
        assert_eq!(store.key_by_secret(&[9; 32], now()).await.unwrap(), None);
    }

    pub async fn what_was_done_is_listed_newest_first(_home: &Home, stores: &Stores) {
        let acme = stores.identity.add_tenant("acme", now()).await.unwrap().unwrap();
        for n in 0..5 {
            let details = serde_json::Map::from_iter([("n".to_owned(), n.into())]);
            let entry = NewAudit {
                at: now(),
                actor: "ines@example.com".to_owned(),
                action: "session.open",
                subject: "ines@example.com".to_owned(),
                address: "127.0.0.1".to_owned(),
                details,
            };
            stores.identity.record(acme, &entry).await.unwrap();
        }
        let first = stores.identity.audit(acme, None, 3).await.unwrap();
        let rest = stores.identity.audit(acme, Some(first[2].id), 3).await.unwrap();
        let seen: Vec<i64> = first.iter().chain(&rest).map(|entry| entry.details["n"].as_i64().unwrap()).collect();
        assert_eq!(seen, [4, 3, 2, 1, 0]);
        assert!(stores.identity.audit(TenantId::DEFAULT, None, 10).await.unwrap().is_empty());
    }
}

on_both_engines!(
    a_user_is_found_by_address_and_is_a_member,
    members_belong_to_tenants_with_a_role_in_each,
    a_session_lives_until_it_ends_idles_or_is_closed,
    a_session_ends_with_the_membership_and_with_the_user,
    a_link_works_once_and_only_the_latest,
    a_key_is_found_by_its_secret_until_it_is_revoked_or_ends,
    what_was_done_is_listed_newest_first,
);
