// SPDX-License-Identifier: Apache-2.0
//! One contract for every store: what each keeps, told by the server's own means.

#![expect(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests too")]

mod faults;
mod ground;
mod large;
mod promises;

/// Every promise on one kind of ground.
macro_rules! contract {
    ($($name:ident: $ground:expr;)*) => {$(
        mod $name {
            use crate::{ground::Ground, promises};

            async fn ground() -> Ground {
                $ground.await
            }

            contract!(@promises
                an_object_is_created_once
                of_eight_that_race_one_creates
                a_listing_has_every_page
                a_folder_is_not_its_longer_neighbour
                what_is_given_up_leaves_nothing
                what_is_staged_is_not_visible_until_it_is_published
                an_object_in_parts_is_whole
                an_object_without_bytes_is_one
                bytes_that_were_not_verified_are_not_published
                a_range_is_exact_and_a_large_document_refused
                what_is_not_there_is_missing_and_deleting_it_is_done
                a_bucket_that_is_not_there_is_not_made
                who_may_not_is_told_what_it_takes
            );
        }
    )*};
    (@promises $($promise:ident)*) => {$(
        #[tokio::test]
        async fn $promise() {
            promises::$promise(ground().await).await;
        }
    )*};
}

contract! {
    memory: Ground::memory();
    file: Ground::file();
    s3s: Ground::s3s();
    versitygw: Ground::versitygw();
    azurite: Ground::azurite();
    fake_gcs: Ground::fake_gcs();
}
