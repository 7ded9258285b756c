//! The HTTP API as a test speaks it: JSON in, status and JSON out.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

/// One operator's, service's or player's view of a control plane.
#[derive(Clone)]
pub struct Api {
    /// Where it is, without a slash at the end.
    pub url: String,
    key: Option<String>,
    client: Client,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body; a text where it is no JSON.
    pub body: Value,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
}

impl Answer {
    /// The body, when the status is the expected one.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The body, when it is a problem document with this status and code.
    ///
    /// # Panics
    /// When it is another answer.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.body
        );
        let media_type = self.headers["content-type"].to_str().expect("text");
        assert_eq!(media_type, "application/problem+json");
        self.body
    }
}

impl Api {
    /// A control plane at `url`, with a key.
    #[must_use]
    pub fn new(url: &str, key: &str) -> Self {
        let key = Some(key.to_owned());
        Self { url: url.trim_end_matches('/').to_owned(), key, client: Client::new() }
    }

    /// The same control plane without any key.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self { key: None, ..self.clone() }
    }

    /// The same control plane with another key or token.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// A request, for tests that need more than a body.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// The answer to a request.
    ///
    /// # Panics
    /// When there is none.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.expect("the control plane answers")
    }

    /// The answer to a request, unless the control plane is down.
    pub async fn try_send(&self, request: RequestBuilder) -> Option<Answer> {
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Some(Answer { status, body, headers })
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// A read of a control plane that may be down.
    pub async fn try_get(&self, path: &str) -> Option<(u16, String)> {
        let response = self.request(Method::GET, path).send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.text().await.ok()?))
    }

    /// A POST to a control plane that may go down in the middle of it.
    pub async fn try_post(&self, path: &str, body: Value) -> Option<Answer> {
        self.try_send(self.request(Method::POST, path).json(&body)).await
    }

    /// Deletes.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Asks for something to be done.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// Sets.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    /// Changes.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }
}
