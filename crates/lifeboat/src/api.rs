//! The operators' API, as a command uses it: calls in, JSON or a problem out.

mod call;
mod error;
mod view;

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::exit::Usage;
use crate::limits::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, PAGE_ENTRIES, PAGES_MAX};

pub(crate) use call::Call;
pub(crate) use error::ApiError;
pub(crate) use view::{Check, DeploymentView, FailoverView, Readiness, WorldView, items};

/// Where Lifeboat is when nobody says so.
const DEFAULT_URL: &str = "http://127.0.0.1:7400";

/// A connection to one Lifeboat, with the key that it is asked with.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    http: Client,
    base: String,
    key: Option<String>,
}

impl Api {
    /// The Lifeboat at `url`, else the one whose data directory is `data`, else the usual address.
    /// The key is `key`, else the one in the data directory.
    ///
    /// # Errors
    /// When the address is none, or the key file is there and cannot be read.
    pub(crate) fn find(
        url: Option<&str>,
        data: &Path,
        key: Option<String>,
    ) -> anyhow::Result<Self> {
        let url = match url {
            Some(url) => url.to_owned(),
            None => read_line(&data.join("url"))?.unwrap_or_else(|| DEFAULT_URL.to_owned()),
        };
        let key = match key {
            Some(key) => Some(key),
            None => read_line(&data.join("admin.key"))?,
        };
        Self::at(&url, key)
    }

    /// The Lifeboat at `url`.
    ///
    /// # Errors
    /// When the address is none.
    pub(crate) fn at(url: &str, key: Option<String>) -> anyhow::Result<Self> {
        let parsed = Url::parse(url).ok();
        let is_address = parsed.is_some_and(|url| {
            matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none()
        });
        if !is_address {
            let rule = "it has to be like `http://host:7400`";
            return Err(Usage(format!("`{url}` is no address of a Lifeboat: {rule}")).into());
        }
        if !cfg!(feature = "tls") && url.starts_with("https") {
            let remedy = "build it with `--features tls`, or use an address with http";
            return Err(Usage(format!("this build does not speak https: {remedy}")).into());
        }
        let http = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .user_agent(concat!("lifeboat/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("the HTTP client cannot be set up")?;
        Ok(Self { http, base: url.trim_end_matches('/').to_owned(), key })
    }

    /// Where this Lifeboat is, without a slash at the end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The JSON that a call is answered with; null for an empty answer.
    ///
    /// # Errors
    /// When Lifeboat is out of reach, refuses, or answers with something else.
    pub(crate) async fn send(&self, call: Call) -> Result<Value, ApiError> {
        let response = self.answered(&call).await?;
        let status = response.status();
        let text = response.text().await.map_err(|source| self.broken(source))?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).map_err(|_| ApiError::unexpected(status.as_u16(), &text))
    }

    /// The JSON of a resource.
    ///
    /// # Errors
    /// As [`Api::send`].
    pub(crate) async fn get(&self, path: impl Into<String>) -> Result<Value, ApiError> {
        self.send(Call::get(path)).await
    }

    /// A resource, read.
    ///
    /// # Errors
    /// As [`Api::send`].
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        path: impl Into<String>,
    ) -> Result<T, ApiError> {
        self.get(path).await.and_then(ApiError::shape)
    }

    /// An answer that need not be JSON, with its media type.
    ///
    /// # Errors
    /// As [`Api::send`].
    pub(crate) async fn text(&self, call: Call) -> Result<(String, String), ApiError> {
        let response = self.answered(&call).await?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        Ok((kind, response.text().await.map_err(|source| self.broken(source))?))
    }

    /// All entries of a list, page after page.
    ///
    /// # Errors
    /// As [`Api::send`].
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Value>, ApiError> {
        self.list_first(path, usize::MAX).await
    }

    /// The first `entries_max` entries of a list, page after page.
    ///
    /// # Errors
    /// As [`Api::send`].
    pub(crate) async fn list_first(
        &self,
        path: &str,
        entries_max: usize,
    ) -> Result<Vec<Value>, ApiError> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let wanted = (entries_max - all.len()).min(PAGE_ENTRIES);
            let mut call = Call::get(path).query("limit", wanted);
            if let Some(cursor) = &cursor {
                call = call.query("cursor", cursor);
            }
            let mut page = self.send(call).await?;
            all.append(&mut items(&mut page));
            cursor = page["nextCursor"].as_str().map(str::to_owned);
            if cursor.is_none() || all.len() >= entries_max {
                break;
            }
        }
        all.truncate(entries_max);
        Ok(all)
    }

    /// Sends a call, a second time if the connection broke: a call that changes something carries
    /// an idempotency key, so it is carried out once.
    async fn answered(&self, call: &Call) -> Result<Response, ApiError> {
        let response = match self.request(call).send().await {
            Err(error) if !error.is_connect() && !error.is_timeout() => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                self.request(call).send().await
            }
            first => first,
        };
        let response = response.map_err(|source| self.broken(source))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await.map_err(|source| self.broken(source))?;
        Err(ApiError::refused(status.as_u16(), &text))
    }

    fn request(&self, call: &Call) -> reqwest::RequestBuilder {
        let url = format!("{}{}", self.base, call.path);
        let mut request = self.http.request(call.method.clone(), url).query(&call.query);
        request = request.header(ACCEPT, call.accept);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        match &call.body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    fn broken(&self, source: reqwest::Error) -> ApiError {
        ApiError::OutOfReach { url: self.base.clone(), source }
    }
}

/// The first line of a small file; none when there is no such file, or nothing in it.
fn read_line(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let line = text.lines().next().unwrap_or_default().trim().to_owned();
            Ok((!line.is_empty()).then_some(line))
        }
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_directory_knows_address_and_key_and_is_overridden() {
        let dir = tempfile::tempdir().unwrap();
        let found = Api::find(None, dir.path(), None).unwrap();
        assert_eq!((found.base(), found.key.clone()), (DEFAULT_URL, None));
        std::fs::write(dir.path().join("url"), "http://127.0.0.1:5/\n").unwrap();
        std::fs::write(dir.path().join("admin.key"), "secret\n").unwrap();
        let found = Api::find(None, dir.path(), None).unwrap();
        assert_eq!((found.base(), found.key.as_deref()), ("http://127.0.0.1:5", Some("secret")));
        let found = Api::find(Some("http://a"), dir.path(), Some("other".into())).unwrap();
        assert_eq!((found.base(), found.key.as_deref()), ("http://a", Some("other")));
    }

    #[test]
    fn what_is_no_address_is_a_misuse() {
        for url in ["", "host:7400", "ftp://a", "http://a/?b=c"] {
            let error = Api::at(url, None).unwrap_err();
            assert!(error.downcast_ref::<Usage>().is_some(), "{url}");
        }
    }
}
