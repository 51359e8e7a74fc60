/// What went wrong, in words.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

pub struct Arguments {
    pub url: String,
    pub subject: String,
    /// `core` or `jetstream`.
    pub delivery: String,
    /// The stream to receive from.
    pub stream: String,
    /// In the spelling to send.
    pub upload_id: String,
    pub filename: String,
    pub content_type: String,
    /// The vectors to run.
    pub file: String,
    /// Bytes of the payload.
    pub size: usize,
    /// What the payload is made of.
    pub seed: u64,
    /// Bytes of a chunk.
    pub chunk_size: usize,
    /// How many uploads to receive.
    pub uploads: usize,
    /// Longest run in seconds.
    pub timeout: u64,
    /// Bytes sent before those that are measured.
    pub warm_up: usize,
    /// Write each header twice, the first one wrong.
    pub repeat_headers: bool,
    /// Send the last chunk first.
    pub backwards: bool,
    /// Send each chunk twice.
    pub twice: bool,
}

impl Arguments {
    /// Reads `--name=value` and `--name`.
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Arguments, Fault> {
        let mut all = Arguments {
            url: "nats://127.0.0.1:4222".to_string(),
            subject: String::new(),
            delivery: "core".to_string(),
            stream: String::new(),
            upload_id: String::new(),
            filename: String::new(),
            content_type: String::new(),
            file: String::new(),
            size: 0,
            seed: 0,
            chunk_size: 2_000_000,
            uploads: 1,
            timeout: 60,
            warm_up: 0,
            repeat_headers: false,
            backwards: false,
            twice: false,
        };
        for arg in args {
            let (name, value) = arg.split_once('=').unwrap_or((&arg, ""));
            match name {
                "--url" => all.url = value.to_string(),
                "--subject" => all.subject = value.to_string(),
                "--delivery" => all.delivery = value.to_string(),
                "--stream" => all.stream = value.to_string(),
                "--upload-id" => all.upload_id = value.to_string(),
                "--filename" => all.filename = value.to_string(),
                "--content-type" => all.content_type = value.to_string(),
                "--file" => all.file = value.to_string(),
                "--size" => all.size = value.parse()?,
                "--seed" => all.seed = value.parse()?,
                "--chunk-size" => all.chunk_size = value.parse()?,
                "--uploads" => all.uploads = value.parse()?,
                "--timeout" => all.timeout = value.parse()?,
                "--warm-up" => all.warm_up = value.parse()?,
                "--repeat-headers" => all.repeat_headers = true,
                "--backwards" => all.backwards = true,
                "--twice" => all.twice = true,
                _ => return Err(format!("unknown option {name}").into()),
            }
        }
        Ok(all)
    }
}
