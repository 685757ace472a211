// SPDX-License-Identifier: BSL-1.0
//
// recording_judge: lists recordings as recording_listing does, by Foxglove's library @mcap/core.
// recording_judge.sh runs it where that library and fzstd are installed.
//
//   node recording_judge.mjs list FILE [FROM TO]   by the index; CRCs are checked
//   node recording_judge.mjs stream FILE           from front to back
//   node recording_judge.mjs cuts FILE STEP        from front to back, of the first bytes
//   node recording_judge.mjs summary FILE          what the summary has
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { McapIndexedReader, McapStreamReader } = require("@mcap/core");
const fzstd = require("fzstd");

const decompressHandlers = {
  zstd: (bytes, size) => fzstd.decompress(bytes, new Uint8Array(Number(size))),
};
const [verb, file, first, second] = process.argv.slice(2);
const bytes = new Uint8Array(readFileSync(file));

function print(channels, message) {
  const { topic } = channels.get(message.channelId);
  const hex = Buffer.from(message.data).toString("hex");
  console.log(`${topic} ${message.sequence} ${message.logTime} ${message.publishTime} ${hex}`);
}

async function indexed() {
  const readable = {
    size: async () => BigInt(bytes.length),
    read: async (offset, size) => {
      if (offset + size > BigInt(bytes.length)) throw new Error(`nothing at ${offset}`);
      return bytes.slice(Number(offset), Number(offset + size));
    },
  };
  return await McapIndexedReader.Initialize({ readable, decompressHandlers });
}

// Calls `use` for each record; throws what the library throws.
function stream(part, use) {
  const reader = new McapStreamReader({ decompressHandlers, validateCrcs: true });
  reader.append(part);
  for (let record; (record = reader.nextRecord()); ) use(record);
  return reader;
}

if (verb === "list") {
  const reader = await indexed();
  const range = first === undefined ? {} : { startTime: BigInt(first), endTime: BigInt(second) - 1n };
  for await (const message of reader.readMessages({ ...range, validateCrcs: true })) print(reader.channelsById, message);
} else if (verb === "stream") {
  const channels = new Map();
  const reader = stream(bytes, (record) => {
    if (record.type === "Channel") channels.set(record.id, record);
    if (record.type === "Message") print(channels, record);
  });
  if (!reader.done()) throw new Error("the file has no end");
} else if (verb === "cuts") {
  for (let size = 0; size < bytes.length; size += Number(first)) {
    let messages = 0;
    stream(bytes.slice(0, size), (record) => (messages += record.type === "Message" ? 1 : 0));
    console.log(`${size} ${messages}`);
  }
} else if (verb === "summary") {
  const reader = await indexed();
  const { statistics } = reader;
  console.log(`profile ${reader.header.profile}, ${reader.chunkIndexes.length} chunks, data section CRC ${reader.dataSectionCrc}`);
  console.log(`${statistics.messageCount} messages, ${statistics.channelCount} channels, ${statistics.metadataCount} metadata`);
  for (const channel of reader.channelsById.values()) {
    const schema = reader.schemasById.get(channel.schemaId);
    console.log(
      `${channel.topic}: ${channel.messageEncoding}, schema ${schema ? `${schema.name} (${schema.encoding})` : "none"}, ` +
        `${statistics.channelMessageCounts.get(channel.id)} messages`,
    );
  }
  const names = [];
  for await (const metadata of reader.readMetadata()) names.push(metadata.name);
  console.log(`metadata: ${names.join(", ")}`);
} else {
  throw new Error(`what is '${verb}'?`);
}
