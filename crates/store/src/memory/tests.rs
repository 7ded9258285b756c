use super::*;

async fn fixture() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

crate::conformance_suite!(fixture());

#[tokio::test]
async fn an_outage_refuses_everything_and_leaves_no_gap_in_a_watch() {
    let store = MemoryStore::new();
    let mut watch = store.watch("", 0).await.unwrap();
    store.begin_outage();
    let refused = store.commit(Transaction::new().put("a", "lost")).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(matches!(store.read("a").await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.health().await, Err(StoreError::Unavailable(_))));
    store.end_outage();

    let _ = store.commit(Transaction::new().put("a", "kept")).await.unwrap();
    store.begin_outage();
    assert!(matches!(watch.next().await, Err(StoreError::Unavailable(_))));
    store.end_outage();
    let batch = watch.next().await.unwrap();
    assert_eq!((batch.revision, batch.changes.len()), (1, 1));
}

#[tokio::test]
async fn the_history_is_bounded() {
    let store = MemoryStore::keeping(10);
    for number in 0..100_u32 {
        let _ = store.commit(Transaction::new().put("a", number.to_string())).await.unwrap();
    }
    let error = store.watch("", 89).await.unwrap_err();
    assert!(matches!(error, StoreError::Compacted { oldest: 90 }), "{error:?}");
    let mut watch = store.watch("", 90).await.unwrap();
    assert_eq!(watch.next().await.unwrap().revision, 91);
}

#[tokio::test]
async fn a_watch_ends_with_the_last_handle() {
    let store = MemoryStore::new();
    let mut watch = store.watch("", 0).await.unwrap();
    drop(store);
    assert!(matches!(watch.next().await, Err(StoreError::Unavailable(_))));
}
