// SPDX-License-Identifier: Apache-2.0
//! What a plan tells, and that it leaves no trace.

use serde_json::{Value, json};
use stock::Ended;

use crate::bed::Bed;

/// All lines of one level: (what, text).
fn lines<'a>(plan: &'a Value, level: &str) -> Vec<(&'a str, &'a str)> {
    let lines = plan["lines"].as_array().unwrap().iter().filter(|line| line["level"] == level);
    lines.map(|line| (line["what"].as_str().unwrap(), line["text"].as_str().unwrap())).collect()
}

fn refusals(plan: &Ended) -> String {
    format!("{:?}", lines(&plan.json(), "refuse"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_a_restore_would_do_and_leaves_no_trace() {
    let bed = Bed::of(3).await;
    let ended = bed.run(&["etcd", "plan", "--json"], 1).end();
    ended.assert(0, &["a restore would make m1 of", &bed.source.sample.id().to_string()]);
    let plan = ended.json();
    assert_eq!(plan["manifest"]["id"], bed.source.sample.id().to_string());
    let told: Vec<&str> = lines(&plan, "ok").into_iter().map(|(what, _)| what).collect();
    for what in ["snapshot", "member", "claims", "peers", "tool", "room"] {
        assert!(told.contains(&what), "{what}: {plan}");
    }
    bed.assert_untouched(1);
    assert!(bed.claims.tree().is_empty(), "{:?}", bed.claims.tree());

    // The same for people.
    let text = bed.run(&["etcd", "plan"], 1).end();
    text.assert(0, &[]);
    assert!(
        text.stdout.contains("53 keys at revision") && text.stdout.contains("ok"),
        "{}",
        text.stdout
    );
    bed.assert_untouched(1);

    // A plan ends as the restore would: all that is wrong is in it.
    std::fs::create_dir_all(bed.dir(1).join("member/snap")).unwrap();
    let ended = bed.run_with(&["etcd", "plan", "--json"], 1, &[("--tool", "/no/such/tool")]).end();
    ended.assert(65, &["a restore would be refused"]);
    assert!(refusals(&ended).contains("`member`") && refusals(&ended).contains("/no/such/tool"));
    let none = [("--snapshot", "2026-01-01T00-00-00Z-00000000")];
    bed.run_with(&["etcd", "plan", "--json"], 0, &none).end().assert(65, &["is not there"]);

    // Made already: nothing would be done.
    bed.restore(0).assert(0, &["is restored"]);
    let ended = bed.run(&["etcd", "plan", "--json"], 0).end();
    assert!(format!("{:?}", lines(&ended.json(), "ok")).contains("nothing would be done"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_judges_what_is_fixed_in_the_users_own_objects() {
    let bed = Bed::of(3).await;
    let file = bed.claims.path("objects.json");
    let planned = |objects: Value| {
        bed.claims.write("objects.json", objects.to_string());
        let run = bed.run(&["etcd", "plan", "--json", "--objects", file.to_str().unwrap()], 1);
        run.end()
    };
    let set = |policy: &str, state: &str, storage: &str| {
        json!({"kind": "StatefulSet", "metadata": {"name": "etcd"}, "spec": {
            "podManagementPolicy": policy, "serviceName": "etcd",
            "template": {"spec": {"containers": [{"name": "etcd", "env": [
                {"name": "ETCD_INITIAL_CLUSTER_STATE", "value": state}]}]}},
            "volumeClaimTemplates": [{"spec": {"resources": {"requests": {"storage": storage}}}}],
        }})
    };
    let service = |published: bool| {
        json!({"kind": "Service", "metadata": {"name": "etcd"},
            "spec": {"clusterIP": "None", "publishNotReadyAddresses": published}})
    };
    let list = |set: Value, published| json!({"kind": "List", "items": [set, service(published)]});

    planned(list(set("Parallel", "existing", "1Gi"), true)).assert(0, &["would make m1"]);
    for (objects, word) in [
        (
            list(set("OrderedReady", "existing", "1Gi"), true),
            "podManagementPolicy must be Parallel",
        ),
        (list(set("Parallel", "new", "1Gi"), true), "must be `existing`"),
        (list(set("Parallel", "existing", "100Mi"), true), "volumes have 100Mi"),
        (list(set("Parallel", "existing", "1Gi"), false), "publishNotReadyAddresses must be true"),
        (json!({"kind": "List", "items": []}), "no StatefulSet"),
    ] {
        let ended = planned(objects);
        ended.assert(64, &[]);
        assert!(refusals(&ended).contains(word), "{word}: {}", refusals(&ended));
    }
}
