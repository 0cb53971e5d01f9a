//! Text for HTML. Whatever a visitor sent goes through here.

/// `text` as it may stand between tags and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A whole page; `title` is escaped here, `body` is HTML.
pub(super) fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"/demo-app.css\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         </head>\n\
         <body>\n\
         <header><a href=\"/\">Sidgate demo app</a> <span>A demonstration: everybody knows its passwords.</span></header>\n\
         <main>\n{body}</main>\n\
         </body>\n\
         </html>\n"
    )
}
