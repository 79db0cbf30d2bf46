// SPDX-License-Identifier: Apache-2.0
//! A small API server: it reviews the tokens it knows, and has namespaces with labels.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::bed::Setup;
use crate::fake::{Answer, Asked, Fake};

pub(crate) const AUDIENCE: &str = "pilotfish";
/// The broker's own token towards the API server.
pub(crate) const OWN_TOKEN: &str = "hush-token-of-the-broker-itself";

/// What it knows; tests change it while it runs.
#[derive(Default)]
pub(crate) struct State {
    /// The review of each token.
    pub(crate) reviews: BTreeMap<String, Value>,
    /// Labels and annotations of each namespace.
    pub(crate) namespaces: BTreeMap<String, (Value, Value)>,
    /// Answers everything like this.
    pub(crate) fault: Option<Answer>,
    /// Answers questions for namespaces like this.
    pub(crate) namespace_fault: Option<Answer>,
}

pub(crate) struct ApiServer {
    pub(crate) fake: Fake,
    pub(crate) state: Arc<Mutex<State>>,
}

/// A token as a kubelet writes it, for this audience and this long.
pub(crate) fn token(name: &str, audience: &str, life: i64) -> String {
    let exp = Timestamp::now().as_second() + life;
    let claims = json!({"aud": [audience], "exp": exp, "sub": name, "iss": "https://cluster"});
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!(
        "{}.{}.{}",
        part(r#"{"alg":"RS256"}"#),
        part(&claims.to_string()),
        part("hush-signature")
    )
}

/// A good review of a pod's token.
pub(crate) fn known(namespace: &str, service_account: &str) -> Value {
    json!({
        "authenticated": true,
        "audiences": [AUDIENCE],
        "user": {
            "username": format!("system:serviceaccount:{namespace}:{service_account}"),
            "groups": ["system:serviceaccounts"],
            "extra": {"authentication.kubernetes.io/pod-name": ["restore-x7k2p"]},
        },
    })
}

impl ApiServer {
    pub(crate) fn start() -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let told = Arc::clone(&state);
        let fake = Fake::start(move |asked| answer(&told.lock().unwrap(), asked));
        Self { fake, state }
    }

    /// A namespace that may ask for one group and type.
    pub(crate) fn label(&self, namespace: &str, group: &str, type_: &str) {
        let labels = json!({"pgro.bes.au/group": group, "pgro.bes.au/type": type_});
        let mut state = self.state.lock().unwrap();
        state.namespaces.insert(namespace.to_owned(), (labels, json!({})));
    }

    /// A pod in a namespace: its token.
    pub(crate) fn pod(&self, namespace: &str) -> String {
        let token = token(namespace, AUDIENCE, 3600);
        let mut state = self.state.lock().unwrap();
        state.reviews.insert(token.clone(), known(namespace, "restore"));
        token
    }

    pub(crate) fn review(&self, token: &str, status: Value) {
        self.state.lock().unwrap().reviews.insert(token.to_owned(), status);
    }

    pub(crate) fn set_fault(&self, fault: Option<Answer>) {
        self.state.lock().unwrap().fault = fault;
    }

    /// How often it was asked for this.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.fake.asked().iter().filter(|asked| asked.line.contains(part)).count()
    }
}

fn answer(state: &State, asked: &Asked) -> Answer {
    let own = format!("Bearer {OWN_TOKEN}");
    assert_eq!(asked.headers.get("authorization").map(|it| it.as_bytes()), Some(own.as_bytes()));
    if let Some(fault) = &state.fault {
        return fault.clone();
    }
    let json = |status: u16, body: Value| {
        (status, vec![("content-type", "application/json".to_owned())], body.to_string())
    };
    if asked.line == "POST /apis/authentication.k8s.io/v1/tokenreviews" {
        let mut review = asked.json();
        assert_eq!(review["spec"]["audiences"], json!([AUDIENCE]));
        let unknown = json!({"authenticated": false, "error": "invalid bearer token"});
        let token = review["spec"]["token"].as_str().unwrap().to_owned();
        review["status"] = state.reviews.get(&token).cloned().unwrap_or(unknown);
        return json(201, review);
    }
    let name = asked.line.strip_prefix("GET /api/v1/namespaces/").expect(&asked.line);
    if let Some(fault) = &state.namespace_fault {
        return fault.clone();
    }
    match state.namespaces.get(name) {
        Some((labels, annotations)) => {
            let metadata = json!({"name": name, "labels": labels, "annotations": annotations});
            json(200, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}))
        }
        None => {
            json(404, json!({"kind": "Status", "apiVersion": "v1", "code": 404, "metadata": {}}))
        }
    }
}

/// A broker that this API server vouches to.
pub(crate) fn guarded(setup: Setup, server: SocketAddr) -> Setup {
    let path = setup.path("kubeconfig");
    write_config(&path, server);
    setup.args(["--audience", AUDIENCE, "--kube-config"]).args([path])
}

pub(crate) fn write_config(path: &Path, server: SocketAddr) {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": format!("http://{server}")}}],
        "users": [{"name": "u", "user": {"token": OWN_TOKEN}}],
    });
    std::fs::write(path, config.to_string()).unwrap();
}

/// A fault that is no answer in time is made by [`Fake::hold`]; this one answers at once.
pub(crate) fn down(status: u16) -> Answer {
    (status, vec![], "the API server is upgrading".to_owned())
}

/// How long the broker may believe what the API server said of a namespace.
pub(crate) const MARKED: Duration = Duration::from_secs(10);
