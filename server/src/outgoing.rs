//! What Console asks of others over HTTP: addresses that answer with a cloud's secrets are refused, whatever name they
//! go by, and redirects are followed a few times only.

use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::{
    Certificate, Client, Identity,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::{Attempt, Policy},
};
use url::{Host, Url};

use crate::config::Network;

/// Redirects that are followed.
const MAX_REDIRECTS: usize = 3;
/// What libraries say of an error whose cause says more.
const NO_CAUSE: [&str; 4] = ["client error (Connect)", "builder error", "tcp connect error", "dns error"];
/// As which program Console asks.
const USER_AGENT: &str = concat!("Console/", env!("CARGO_PKG_VERSION"));

/// Addresses outside the link-local range where clouds tell machines their secrets.
const METADATA: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x0042)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x00c1, 0, 0, 0, 0, 0xa9fe, 0xa9fe)),
];
/// The same of the cloud that has a whole network for it.
const METADATA_NETWORK: [u16; 2] = [0xfd00, 0x0ec2];

/// Which addresses Console talks to.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    allowed: Arc<[Network]>,
}

/// An address that is not talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Console does not talk to {0}, a link-local, metadata or group address (`outgoing.allowed_networks`)")]
pub struct OutOfReach(IpAddr);

impl Reach {
    /// Everything but what is never meant, and of that what is allowed.
    pub fn new(allowed: &[Network]) -> Self {
        Self { allowed: allowed.into() }
    }

    /// Whether an address is talked to.
    pub fn check(&self, address: IpAddr) -> Result<(), OutOfReach> {
        let meant = meant(address);
        let is_refused = match meant {
            IpAddr::V4(v4) => v4.is_link_local() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast(),
            IpAddr::V6(v6) => {
                let is_metadata = v6.segments().starts_with(&METADATA_NETWORK);
                v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast() || is_metadata
            }
        };
        let is_refused = is_refused || METADATA.contains(&meant);
        if is_refused && !self.allowed.iter().any(|network| network.contains(meant)) {
            return Err(OutOfReach(address));
        }
        Ok(())
    }

    /// Checks the host of an address if it is a number. A name is checked when it is looked up.
    pub fn check_url(&self, url: &Url) -> Result<(), OutOfReach> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.check(address.into()),
            Some(Host::Ipv6(address)) => self.check(address.into()),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }
}

/// The address that is reached in the end: the one of the older protocol, where one of the newer only wraps it.
fn meant(address: IpAddr) -> IpAddr {
    let address = address.to_canonical();
    let IpAddr::V6(v6) = address else { return address };
    let (high, low) = match v6.segments() {
        // The networks' own address, and that of loopback.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => return address,
        // Translators: the well-known prefix and one for local use; stateless translation, and addresses of old; 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0, 0, 0, 0, 0xffff | 0, 0, high, low]
        | [0x2002, high, low, ..] => (high, low),
        _ => return address,
    };
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

/// How the other side proves who it is, and Console in turn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trust {
    /// Certificates in PEM that are trusted instead of the machine's.
    pub ca_pem: Option<String>,
    /// The host that names are really looked up for, where the address says the name of the certificate.
    pub real_host: Option<String>,
    /// Whether anybody is taken for the other side.
    pub skip_verification: bool,
    /// Console's own certificate with its key, in PEM.
    pub identity_pem: Option<String>,
}

/// A client that keeps within reach. The error says what is wrong with a certificate.
pub fn client(reach: &Reach, trust: &Trust) -> Result<Client, String> {
    let resolver = Resolver { reach: reach.clone(), real_host: trust.real_host.clone() };
    let redirects = if trust.real_host.is_some() {
        // Where the certificate's name stands in for the host, another host would be mistaken for it.
        Policy::none()
    } else {
        let reach = reach.clone();
        Policy::custom(move |attempt: Attempt| {
            if attempt.previous().len() > MAX_REDIRECTS {
                return attempt.error(format!("it redirects more than {MAX_REDIRECTS} times"));
            }
            match reach.check_url(attempt.url()) {
                Ok(()) => attempt.follow(),
                Err(error) => attempt.error(error),
            }
        })
    };
    let mut builder = Client::builder()
        .user_agent(USER_AGENT)
        .dns_resolver(Arc::new(resolver))
        .redirect(redirects)
        // A proxy would talk to whom it likes.
        .no_proxy()
        .pool_max_idle_per_host(1)
        .danger_accept_invalid_certs(trust.skip_verification);
    if let Some(pem) = &trust.ca_pem {
        let certificates = Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| told(&error))?;
        if certificates.is_empty() {
            return Err("there is no certificate in it".to_owned());
        }
        builder = builder.tls_built_in_root_certs(false);
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    if let Some(pem) = &trust.identity_pem {
        builder = builder.identity(Identity::from_pem(pem.as_bytes()).map_err(|error| told(&error))?);
    }
    builder.build().map_err(|error| told(&error))
}

/// An error with what caused it, without the address that was asked: whoever reads it knows that.
pub fn told(error: &dyn Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        // The outermost repeats the address, others repeat what lies beneath them.
        let text = text.split(" (os error ").next().unwrap_or_default().to_owned();
        let says_nothing =
            text.contains("for url (") || (cause.source().is_some() && NO_CAUSE.contains(&text.as_str()));
        if !says_nothing && !causes.iter().any(|before| before.contains(&text)) {
            causes.push(text);
        }
        next = cause.source();
    }
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}

/// Looks names up and keeps only addresses within reach: also when a name begins to mean another address.
struct Resolver {
    reach: Reach,
    real_host: Option<String>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach.clone();
        let host = self.real_host.clone().unwrap_or_else(|| name.as_str().to_owned());
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let mut refused = None;
            let within: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| reach.check(address.ip()).inspect_err(|error| refused = Some(*error)).is_ok())
                .collect();
            match refused {
                Some(error) if within.is_empty() => Err(error.into()),
                _ => Ok(Box::new(within.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reach: &Reach, address: &str) -> bool {
        reach.check(address.parse().unwrap()).is_ok()
    }

    #[test]
    fn secrets_of_clouds_are_out_of_reach() {
        let reach = Reach::default();
        for address in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "::ffff:0:a9fe:a9fe",
            "::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "fd00:ec2::23",
            "fe80::1",
            "fd00:ec2::254",
            "100.100.100.200",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
        ] {
            assert!(!check(&reach, address), "{address}");
        }
        for address in ["127.0.0.1", "::1", "10.0.0.5", "192.168.1.1", "fd00::5", "93.184.216.34", "64:ff9b::808:808"] {
            assert!(check(&reach, address), "{address}");
        }
    }

    #[test]
    fn what_is_allowed_is_within_reach() {
        let reach = Reach::new(&[Network::try_from("169.254.7.0/24".to_owned()).unwrap()]);
        assert!(check(&reach, "169.254.7.9"));
        assert!(check(&reach, "::ffff:169.254.7.9"));
        assert!(!check(&reach, "169.254.169.254"));
    }

    #[tokio::test]
    async fn a_number_in_the_address_is_checked_too() {
        let reach = Reach::default();
        let url = |text: &str| Url::parse(text).unwrap();
        reach.check_url(&url("http://169.254.169.254/latest")).unwrap_err();
        reach.check_url(&url("http://[fe80::1]/")).unwrap_err();
        // The same number, written so that it does not look like it.
        reach.check_url(&url("http://0xa9fea9fe/")).unwrap_err();
        reach.check_url(&url("http://2852039166/")).unwrap_err();
        reach.check_url(&url("http://example.com/")).unwrap();
    }

    #[test]
    fn certificates_that_are_none_are_told() {
        let with = |ca: &str| client(&Reach::default(), &Trust { ca_pem: Some(ca.to_owned()), ..Trust::default() });
        assert_eq!(with("no certificate").unwrap_err(), "there is no certificate in it");
        let identity = Trust { identity_pem: Some("none".to_owned()), ..Trust::default() };
        client(&Reach::default(), &identity).unwrap_err();
    }
}
