//! The broker as a cluster, and its one log directory.

use forebay_kafka::protocol::generated as m;
use forebay_kafka::protocol::{ApiKey, ErrorCode};

use crate::requests::{OK, code, fill};
use crate::support::{Server, versions};

#[tokio::test]
async fn the_cluster_is_one_broker() {
    let server = Server::start();
    let mut client = server.connect();
    for version in versions(ApiKey::DescribeCluster) {
        let request = |asked, endpoint_type| m::DescribeClusterRequest {
            include_cluster_authorized_operations: asked,
            endpoint_type,
            include_fenced_brokers: false,
        };
        let told = client.ask(version, request(false, 1)).await;
        assert_eq!((told.error_code, told.controller_id), (OK, 1));
        assert_eq!(told.cluster_id.len(), 22);
        assert_eq!(told.cluster_authorized_operations, i32::MIN);
        let [broker] = &told.brokers[..] else {
            panic!("there is one broker");
        };
        assert_eq!(
            (broker.broker_id, &*broker.host, broker.port),
            (1, "localhost", 9092)
        );
        let told = client.ask(version, request(true, 1)).await;
        assert!(told.cluster_authorized_operations > 0);
        if version >= 1 {
            for (endpoint, error) in [
                (2, ErrorCode::MismatchedEndpointType),
                (3, ErrorCode::UnsupportedEndpointType),
            ] {
                let told = client.ask(version, request(false, endpoint)).await;
                assert_eq!(told.error_code, code(error));
                assert!(told.error_message.is_some() && told.brokers.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn the_log_directory_tells_the_size_of_partitions() {
    use m::describe_log_dirs_request::DescribableLogDirTopic;
    let server = Server::start();
    server.create_topic("full", 2).await;
    server.create_topic("empty", 1).await;
    fill(&server, "full", 1, 5).await;
    let mut client = server.connect();
    for version in versions(ApiKey::DescribeLogDirs) {
        let told =
            |response: m::DescribeLogDirsResponse<'static>| -> Vec<(String, Vec<(i32, bool)>)> {
                assert_eq!(response.error_code, OK);
                let [directory] = &response.results[..] else {
                    panic!("there is one directory");
                };
                assert_eq!(directory.error_code, OK);
                let (total, usable) = (directory.total_bytes, directory.usable_bytes);
                if version >= 4 {
                    assert!(0 < usable && usable <= total, "{usable} of {total} bytes");
                } else {
                    assert_eq!((total, usable), (-1, -1));
                }
                let topics = directory.topics.iter().map(|topic| {
                    let partitions = topic.partitions.iter().map(|partition| {
                        assert_eq!(partition.offset_lag, 0);
                        (partition.partition_index, partition.partition_size > 0)
                    });
                    (topic.name.to_string(), partitions.collect())
                });
                topics.collect()
            };
        let all = m::DescribeLogDirsRequest { topics: None };
        let full = ("full".to_owned(), vec![(0, false), (1, true)]);
        let empty = ("empty".to_owned(), vec![(0, false)]);
        assert_eq!(told(client.ask(version, all).await), [empty, full]);
        let ask = |name: &str, partitions: &[i32]| DescribableLogDirTopic {
            topic: name.to_owned().into(),
            partitions: partitions.to_vec(),
        };
        let some = m::DescribeLogDirsRequest {
            topics: Some(vec![
                ask("full", &[1, 7, -1, 1]),
                ask("missing", &[0]),
                ask("empty", &[]),
            ]),
        };
        let full = ("full".to_owned(), vec![(1, true)]);
        assert_eq!(told(client.ask(version, some).await), [full]);
    }
}
