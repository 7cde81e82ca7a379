// Numbers both sides of the wire agree on. firmware/protocol/README.md is their definition.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tinygen::protocol {

constexpr std::uint16_t kProtocolVersion = 2;

constexpr std::size_t kHeaderBytes = 4;
constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kMaxPayload = 512;
constexpr std::size_t kMaxFrame = kHeaderBytes + kMaxPayload + kCrcBytes;

constexpr std::uint8_t kHello = 0x01;
constexpr std::uint8_t kWriteInput = 0x02;
constexpr std::uint8_t kInfer = 0x03;
constexpr std::uint8_t kReadTensor = 0x04;
constexpr std::uint8_t kDigests = 0x05;
constexpr std::uint8_t kRawBegin = 0x06;
constexpr std::uint8_t kRawChunk = 0x07;
constexpr std::uint8_t kRawEnd = 0x08;
constexpr std::uint8_t kSelfTest = 0x09;
constexpr std::uint8_t kMemory = 0x0A;
constexpr std::uint8_t kReset = 0x0B;
constexpr std::uint8_t kProfile = 0x20;
constexpr std::uint8_t kIntegrity = 0x21;
constexpr std::uint8_t kSpanDigest = 0x22;
constexpr std::uint8_t kLastFault = 0x23;

constexpr std::uint8_t kStreamBegin = 0x30;
constexpr std::uint8_t kStreamChunk = 0x31;
constexpr std::uint8_t kStreamEnd = 0x32;
constexpr std::uint8_t kStreamEvents = 0x33;
constexpr std::uint8_t kLearn = 0x34;
constexpr std::uint8_t kReadLearned = 0x35;
constexpr std::uint8_t kWriteLearned = 0x36;
constexpr std::uint8_t kSense = 0x37;
constexpr std::uint8_t kSamples = 0x38;
constexpr std::uint8_t kStreamScores = 0x39;
constexpr std::uint8_t kEvent = 0x3F;  // device -> host, unasked

constexpr std::uint8_t kResponse = 0x80;  // type of the answer = type of the request | kResponse
constexpr std::uint8_t kFault = 0xFD;
constexpr std::uint8_t kNak = 0xFE;
constexpr std::uint8_t kLog = 0xFF;

constexpr std::uint16_t kTensorInput = 0xFFFF;
constexpr std::uint16_t kTensorOutput = 0xFFFE;

constexpr std::uint8_t kInferDigests = 0x01;
constexpr std::uint8_t kInferStop = 0x02;
constexpr std::uint8_t kInferCount = 0x04;

constexpr std::uint8_t kProfileLayers = 0;     // one run of the model: a count per step
constexpr std::uint8_t kProfileRecording = 1;  // the next recording is counted by stage
constexpr std::uint8_t kProfileStages = 2;     // what the stages of that recording took

constexpr std::uint8_t kProfileArena = 3;  // how much of the arena an inference writes
constexpr std::uint8_t kProfileLeast = 4;  // the smallest arena the engine starts in

constexpr std::uint8_t kIntegrityBoot = 0;  // what was found when the program started
constexpr std::uint8_t kIntegrityNow = 1;   // look again

// In HELLO and INTEGRITY.
constexpr std::uint8_t kImageDigest = 0x01;  // the image carries its digest
constexpr std::uint8_t kImageIntact = 0x02;
constexpr std::uint8_t kWeightDigests = 0x04;  // the image carries one per weight tensor
constexpr std::uint8_t kWeightsIntact = 0x08;
constexpr std::uint8_t kStreamCount = 0x01;
constexpr std::uint8_t kStreamDigests = 0x02;
constexpr std::uint8_t kStreamSensor = 0x04;  // samples come from the image's own source

constexpr std::uint8_t kSenseAsk = 0;
constexpr std::uint8_t kSenseRecord = 1;
constexpr std::uint8_t kSenseStop = 2;

constexpr std::size_t kDigestWindow = 64;  // digests kept, and the most one answer carries
constexpr std::size_t kMaxStages = 16;     // of a front end
constexpr std::size_t kInlineOutput = 48;  // outputs up to this size travel inside INFER's answer

enum class Error : std::uint8_t {
  none = 0,
  unknown_type = 1,
  bad_framing = 2,  // COBS ended in the middle of a block
  too_long = 3,     // more than kMaxFrame bytes
  bad_length = 4,   // the length field does not fit the frame
  bad_crc = 5,
  bad_payload = 6,     // wrong payload size for this type
  bad_argument = 7,    // detail: the limit that was exceeded
  no_input = 8,        // detail: bytes of the model input that are there
  out_of_order = 9,    // detail: the position that is expected
  no_result = 10,      // no inference that has what was asked for
  no_model = 11,       // the engine did not start, or a step of it refused its work
  streaming = 0x30,    // the model belongs to the stream until STREAM_END
  no_learning = 0x32,  // this image has no anomaly score to replace, or fewer than two rows were gathered
  no_stream = 0x31,    // this image has no front end to stream into
  other_model = 0x34,  // a learned state whose rows come from another front end or input scale
  no_sensor = 0x33,    // the image's own source does not run; detail: source::Status
};

}  // namespace tinygen::protocol
