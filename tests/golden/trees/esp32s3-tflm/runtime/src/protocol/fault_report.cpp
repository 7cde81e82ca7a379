// What an exception handler says: one frame, by polled output, with nothing of the session's state in use.
#include "tinygen/port.h"
#include "tinygen/protocol/bytes.h"
#include "tinygen/protocol/fault_payload.h"
#include "tinygen/protocol/frame_writer.h"
#include "tinygen/protocol/messages.h"

namespace tinygen::protocol {

void fault_payload(const TinygenFault& fault, std::uint8_t* into) {
  Fields fields(into);
  fields.u8(static_cast<std::uint8_t>(fault.architecture));
  fields.u8(0);
  fields.u16(static_cast<std::uint16_t>(fault.number));
  fields.u32(fault.pc);
  fields.u32(fault.lr);
  fields.u32(fault.sp);
  for (const std::uint32_t word : fault.status) fields.u32(word);
}

}  // namespace tinygen::protocol

extern "C" void tinygen_report_fault(const TinygenFault* fault) {
  using namespace tinygen::protocol;
  const std::uint8_t delimiter = 0;
  tinygen::port::write(&delimiter, 1);  // ends whatever frame was being sent
  std::uint8_t payload[kFaultBytes];
  fault_payload(*fault, payload);
  FrameWriter writer;
  writer.attach(&tinygen::port::write);
  writer.begin(kFault, 0, sizeof payload);
  writer.put(payload, sizeof payload);
  writer.end();
}
