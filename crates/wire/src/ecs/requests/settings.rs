//! Requests about account settings.

use berth_core::ecs::api::{Read, Write};
use berth_core::ecs::view::settings::SettingFilter;

use super::page;
use crate::ecs::Request;
use crate::shapes::ecs;

pub(super) fn put(shape: ecs::PutAccountSettingRequest) -> Request {
    Request::Write(Write::PutSetting(shape.name, shape.value, shape.principal_arn))
}

pub(super) fn put_default(shape: ecs::PutAccountSettingDefaultRequest) -> Request {
    Request::Write(Write::PutSettingDefault(shape.name, shape.value))
}

pub(super) fn delete(shape: ecs::DeleteAccountSettingRequest) -> Request {
    Request::Write(Write::DeleteSetting(shape.name, shape.principal_arn))
}

pub(super) fn list(shape: ecs::ListAccountSettingsRequest) -> Request {
    let filter = SettingFilter {
        name: shape.name,
        value: shape.value,
        principal: shape.principal_arn,
        effective: shape.effective_settings.unwrap_or(false),
    };
    Request::Read(
        Read::ListSettings(filter, page(shape.max_results, shape.next_token)),
        Vec::new(),
    )
}
