//! Configurations as they are described, and the resources that have some.

use std::sync::Arc;

use forebay_broker::BrokerOptions;
use forebay_broker::storage::SimulatedDisk;
use forebay_kafka::protocol::generated as m;
use forebay_kafka::protocol::{ApiKey, ErrorCode, Str};
use m::create_topics_request::CreatableTopic;

use crate::requests::{
    BROKER, BROKER_LOGGER, CLIENT_METRICS, DEFAULT, DYNAMIC_TOPIC, GROUP, OK, STATIC_BROKER, TOPIC,
    code, config, create, new_topic,
};
use crate::support::{Client, Server, versions};

/// What DescribeConfigs says about one resource.
async fn describe(
    client: &mut Client,
    version: i16,
    resource_type: i8,
    name: &str,
    keys: Option<&[&str]>,
) -> m::describe_configs_response::DescribeConfigsResult<'static> {
    let keys = keys.map(|keys| {
        keys.iter()
            .map(|key| Str::from((*key).to_owned()))
            .collect()
    });
    let request = m::DescribeConfigsRequest {
        resources: vec![m::describe_configs_request::DescribeConfigsResource {
            resource_type,
            resource_name: name.to_owned().into(),
            configuration_keys: keys,
        }],
        include_synonyms: true,
        include_documentation: version >= 3,
    };
    let mut results = client.ask(version, request).await.results;
    let result = results.pop().expect("one resource, one answer");
    assert!(results.is_empty());
    assert_eq!(result.resource_type, resource_type);
    assert_eq!(result.resource_name, name);
    assert_eq!(result.error_code != OK, result.error_message.is_some());
    result
}

fn find<'a>(
    result: &'a m::describe_configs_response::DescribeConfigsResult<'static>,
    name: &str,
) -> &'a m::describe_configs_response::DescribeConfigsResourceResult<'static> {
    let found = result.configs.iter().find(|config| config.name == *name);
    found.unwrap_or_else(|| panic!("{name} is not described"))
}

fn synonyms<'a>(
    config: &'a m::describe_configs_response::DescribeConfigsResourceResult<'static>,
) -> Vec<(&'a str, &'a str, i8)> {
    let synonyms = config.synonyms.iter();
    synonyms
        .map(|synonym| {
            (
                &*synonym.name,
                synonym.value.as_deref().unwrap_or("null"),
                synonym.source,
            )
        })
        .collect()
}

/// A broker whose operator set something.
fn configured_server() -> Server {
    let defaults = [
        ("retention.ms".to_owned(), "5000".to_owned()),
        ("segment.bytes".to_owned(), "1000000".to_owned()),
    ];
    let options = BrokerOptions {
        default_partitions: 4,
        topic_defaults: Arc::new(defaults.into()),
        ..BrokerOptions::default()
    };
    Server::start_on(SimulatedDisk::new(), options)
}

#[tokio::test]
async fn a_topic_has_every_configuration_with_where_it_comes_from() {
    let server = configured_server();
    let mut client = server.connect();
    let topic = CreatableTopic {
        configs: vec![config("retention.ms", Some("9000"))],
        ..new_topic("t", -1)
    };
    create(&mut client, 7, vec![topic]).await;
    for version in versions(ApiKey::DescribeConfigs) {
        let told = describe(&mut client, version, TOPIC, "t", None).await;
        assert_eq!(told.error_code, OK);
        assert_eq!(told.configs.len(), forebay_broker::topic::CONFIGS.len());
        assert!(
            told.configs
                .iter()
                .all(|config| !config.read_only && !config.is_sensitive)
        );
        let retention = find(&told, "retention.ms");
        assert_eq!(retention.value.as_deref(), Some("9000"));
        assert_eq!(retention.config_source, DYNAMIC_TOPIC);
        assert_eq!(
            synonyms(retention),
            [
                ("retention.ms", "9000", DYNAMIC_TOPIC),
                ("log.retention.ms", "5000", STATIC_BROKER),
                ("log.retention.ms", "604800000", DEFAULT),
            ]
        );
        let segment = find(&told, "segment.bytes");
        assert_eq!(segment.value.as_deref(), Some("1000000"));
        assert_eq!(segment.config_source, STATIC_BROKER);
        let message = find(&told, "max.message.bytes");
        assert_eq!(
            synonyms(message),
            [("message.max.bytes", "1048588", DEFAULT)]
        );
        assert_eq!(message.config_source, DEFAULT);
        let types = [
            "preallocate",
            "compression.type",
            "segment.bytes",
            "retention.ms",
        ]
        .map(|name| find(&told, name).config_type);
        let list = find(&told, "cleanup.policy").config_type;
        let double = find(&told, "min.cleanable.dirty.ratio").config_type;
        if version >= 3 {
            assert_eq!((types, list, double), ([1, 2, 3, 5], 7, 6));
            assert!(
                told.configs
                    .iter()
                    .all(|config| config.documentation.is_some())
            );
        }
        for (keys, count) in [
            (&["retention.ms", "nonsense"][..], 1),
            (&[], told.configs.len()),
            (&["nonsense"], 0),
        ] {
            let told = describe(&mut client, version, TOPIC, "t", Some(keys)).await;
            assert_eq!((told.error_code, told.configs.len()), (OK, count));
        }
    }
}

#[tokio::test]
async fn synonyms_and_documentation_come_only_when_asked_for_and_a_resource_only_once() {
    let server = Server::start();
    server.create_topic("t", 1).await;
    let mut client = server.connect();
    let resource = m::describe_configs_request::DescribeConfigsResource {
        resource_type: TOPIC,
        resource_name: "t".into(),
        configuration_keys: None,
    };
    let request = m::DescribeConfigsRequest {
        resources: vec![resource.clone(), resource],
        include_synonyms: false,
        include_documentation: false,
    };
    let results = client.ask(4, request).await.results;
    assert!(
        results[0]
            .configs
            .iter()
            .all(|config| config.synonyms.is_empty())
    );
    assert!(
        results[0]
            .configs
            .iter()
            .all(|config| config.documentation.is_none())
    );
    assert_eq!(results[1].error_code, code(ErrorCode::InvalidRequest));
    assert!(results[1].configs.is_empty());
}

#[tokio::test]
async fn the_broker_tells_how_it_is_set_and_that_it_cannot_be_changed() {
    let server = configured_server();
    let mut client = server.connect();
    for version in versions(ApiKey::DescribeConfigs) {
        for name in ["1", ""] {
            let told = describe(&mut client, version, BROKER, name, None).await;
            assert_eq!(told.error_code, OK);
            assert!(told.configs.iter().all(|config| config.read_only));
            assert!(
                told.configs
                    .is_sorted_by_key(|config| config.name.to_string())
            );
            let of = |name: &str| {
                let config = find(&told, name);
                (
                    config.value.as_deref().unwrap_or("null"),
                    config.config_source,
                )
            };
            assert_eq!(of("num.partitions"), ("4", STATIC_BROKER));
            assert_eq!(of("log.retention.ms"), ("5000", STATIC_BROKER));
            assert_eq!(of("auto.create.topics.enable"), ("true", DEFAULT));
            assert_eq!(of("default.replication.factor"), ("1", DEFAULT));
            assert_eq!(of("offsets.retention.minutes"), ("10080", DEFAULT));
            assert_eq!(of("group.max.session.timeout.ms"), ("1800000", DEFAULT));
            assert_eq!(of("message.max.bytes"), ("1048588", DEFAULT));
            assert_eq!(of("node.id"), ("1", DEFAULT));
            let partitions = synonyms(find(&told, "num.partitions"));
            assert_eq!(
                partitions,
                [
                    ("num.partitions", "4", STATIC_BROKER),
                    ("num.partitions", "1", DEFAULT)
                ]
            );
        }
        let keys = Some(&["num.partitions"][..]);
        let told = describe(&mut client, version, BROKER, "1", keys).await;
        assert_eq!(told.configs.len(), 1);
    }
}

#[tokio::test]
async fn resources_that_are_not_there_or_have_nothing_say_so() {
    let server = Server::start();
    let mut client = server.connect();
    for version in versions(ApiKey::DescribeConfigs) {
        for (kind, name, error) in [
            (TOPIC, "missing", ErrorCode::UnknownTopicOrPartition),
            (TOPIC, "no/name", ErrorCode::InvalidTopicException),
            (TOPIC, "", ErrorCode::InvalidTopicException),
            (BROKER, "2", ErrorCode::InvalidRequest),
            (BROKER, "one", ErrorCode::InvalidRequest),
            (BROKER_LOGGER, "1", ErrorCode::None),
            (BROKER_LOGGER, "2", ErrorCode::InvalidRequest),
            (BROKER_LOGGER, "", ErrorCode::InvalidRequest),
            (CLIENT_METRICS, "any", ErrorCode::None),
            (CLIENT_METRICS, "", ErrorCode::InvalidRequest),
            (GROUP, "any", ErrorCode::None),
            (GROUP, "", ErrorCode::InvalidRequest),
            (0, "t", ErrorCode::InvalidRequest),
            (3, "t", ErrorCode::InvalidRequest),
        ] {
            let told = describe(&mut client, version, kind, name, None).await;
            assert_eq!(told.error_code, code(error), "{kind} `{name}` at {version}");
            assert!(told.configs.is_empty());
        }
    }
}

#[tokio::test]
async fn resources_with_configurations_are_listed_by_type() {
    let server = Server::start();
    server.create_topic("b", 1).await;
    server.create_topic("a", 1).await;
    let mut client = server.connect();
    let mut list = async |version, types: &[i8]| {
        let request = m::ListConfigResourcesRequest {
            resource_types: types.to_vec(),
        };
        let told = client.ask(version, request).await;
        let resources = told.config_resources.into_iter();
        let resources = resources.map(|told| (told.resource_type, told.resource_name.to_string()));
        (told.error_code, resources.collect::<Vec<_>>())
    };
    assert_eq!(versions(ApiKey::ListConfigResources), 0..=1);
    assert_eq!(list(0, &[]).await, (OK, Vec::new()));
    let topics = vec![(TOPIC, "a".to_owned()), (TOPIC, "b".to_owned())];
    assert_eq!(list(1, &[TOPIC]).await, (OK, topics.clone()));
    let broker = (BROKER, "1".to_owned());
    let logger = (BROKER_LOGGER, "1".to_owned());
    assert_eq!(list(1, &[BROKER]).await, (OK, vec![broker.clone()]));
    assert_eq!(list(1, &[GROUP, CLIENT_METRICS]).await, (OK, Vec::new()));
    let all = [topics, vec![broker, logger]].concat();
    assert_eq!(list(1, &[]).await, (OK, all));
    let unsupported = (code(ErrorCode::UnsupportedVersion), Vec::new());
    assert_eq!(list(1, &[TOPIC, 3]).await, unsupported);
}
