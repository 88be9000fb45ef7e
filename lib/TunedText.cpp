// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/TunedText.h"

#include "lib/JsonReader.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace headgate {

namespace {

TunedEntry readEntry(JsonValue value) {
  value.expectKeys({"kernel", "ir", "bucket", "variant"},
                   {"record", "overDefault"});
  TunedEntry entry;
  entry.kernel = value["kernel"].string();
  entry.ir = value["ir"].string();
  for (auto &[dim, exponent] : value["bucket"].members())
    entry.bucket[dim] = exponent.integer(0, 63);
  entry.variant = value["variant"].string();
  if (JsonValue record = value["record"])
    entry.record = record.string();
  if (JsonValue factor = value["overDefault"]) {
    entry.overDefault = factor.number();
    if (*entry.overDefault <= 0)
      factor.fail("expected a number above 0");
  }
  return entry;
}

TunedDevice readDevice(JsonValue value) {
  value.expectKeys({"name", "target", "entries"});
  TunedDevice device;
  device.name = value["name"].string();
  device.target = value["target"].string();
  for (JsonValue &entry : value["entries"].elements()) {
    TunedEntry read = readEntry(entry);
    auto same = [&](const TunedEntry &other) {
      return other.kernel == read.kernel && other.ir == read.ir &&
             other.bucket == read.bucket;
    };
    if (std::ranges::any_of(device.entries, same))
      entry.fail("a second entry for this bucket of kernel '" + read.kernel +
                 "'");
    device.entries.push_back(std::move(read));
  }
  return device;
}

} // namespace

Result<Tuning> parseTuned(std::string_view text) {
  Result<JsonReader> reader = JsonReader::parse(text);
  if (!reader)
    return std::move(reader).error();
  if (Status s = checkFormat(*reader, "headgate.tuned", Tuning::version); !s)
    return std::move(s).error();
  JsonValue root = reader->root();
  root.expectKeys({"format", "version", "devices"});
  Tuning tuning;
  for (JsonValue &device : root["devices"].elements())
    tuning.devices.push_back(readDevice(device));
  if (reader->error())
    return *reader->error();
  return tuning;
}

std::string printTuned(const Tuning &tuning) {
  using Json = nlohmann::ordered_json;
  auto dump = [](const Json &json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  std::string text = R"({"format": "headgate.tuned", "version": )" +
                     std::to_string(Tuning::version) + R"(, "devices": [)";
  for (const TunedDevice &device : tuning.devices) {
    text += &device == &tuning.devices.front() ? "\n" : ",\n";
    text += R"( {"name": )" + dump(device.name) + R"(, "target": )" +
            dump(device.target) + R"(, "entries": [)";
    for (const TunedEntry &entry : device.entries) {
      Json json = {{"kernel", entry.kernel}, {"ir", entry.ir}};
      json["bucket"] = entry.bucket;
      json["variant"] = entry.variant;
      if (!entry.record.empty())
        json["record"] = entry.record;
      if (entry.overDefault)
        json["overDefault"] = *entry.overDefault;
      text += &entry == &device.entries.front() ? "\n  " : ",\n  ";
      text += dump(json);
    }
    text += "]}";
  }
  return text + "]}\n";
}

} // namespace headgate
