//! A sender and a receiver of version-1 chunked uploads over async-nats, written from the protocol alone.

mod arguments;
mod assembler;
mod headers;
mod payload;
mod receive;
mod round_trip;
mod send;
mod vectors;

use arguments::{Arguments, Fault};
use std::time::Duration;

async fn run(command: &str, args: &Arguments) -> Result<(), Fault> {
    if command == "vectors" {
        println!("{}", vectors::run_vectors(&args.file)?);
        return Ok(());
    }
    let client = async_nats::connect(&args.url).await?;
    match command {
        "send" => println!("{}", send::send(&client, args).await?),
        "bench-send" => println!("{}", send::bench_send(&client, args).await?),
        "receive" => receive::receive(&client, args).await?,
        _ => return Err("want send, receive, bench-send or vectors".into()),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let args = Arguments::parse(words)?;
    tokio::time::timeout(Duration::from_secs(args.timeout), run(&command, &args)).await?
}
