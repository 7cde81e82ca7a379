// An I2S microphone on an ESP32-S3 under Arduino's core, by the driver of ESP-IDF 4.4: master, 32-bit slots, the left
// one kept. The driver's DMA gathers a quarter of a second; who asks later than that has lost samples, and is told.
// Source: ESP-IDF Programming Guide 4.4, Inter-IC Sound (i2s_driver_install, i2s_read, I2S_EVENT_RX_Q_OVF); headers
// driver/i2s.h, hal/i2s_types.h of v4.4.7. Not yet run on silicon.
#include "board_config.h"

#if defined(TINYGEN_SOURCE_I2S) && defined(ARDUINO_ARCH_ESP32) && !defined(TINYGEN_STANDIN)

#include <driver/i2s.h>
#include <freertos/FreeRTOS.h>
#include <freertos/queue.h>

#include "slots.h"
#include "tinygen/capture.h"
#include "tinygen/stream_api.h"

namespace tinygen::capture {
namespace {

using namespace tinygen::board;

constexpr int kBuffers = 16;
constexpr int kBufferFrames = 256;

OnWords tell_words;
QueueHandle_t events;

}  // namespace

bool start(OnWords tell) {
  i2s_config_t config = {};
  config.mode = static_cast<i2s_mode_t>(I2S_MODE_MASTER | I2S_MODE_RX);
  config.sample_rate = kI2sRateHz;
  config.bits_per_sample = I2S_BITS_PER_SAMPLE_32BIT;
  config.channel_format = I2S_CHANNEL_FMT_ONLY_LEFT;
  config.communication_format = I2S_COMM_FORMAT_STAND_I2S;
  config.dma_buf_count = kBuffers;
  config.dma_buf_len = kBufferFrames;
  i2s_pin_config_t pins = {};
  pins.mck_io_num = I2S_PIN_NO_CHANGE;
  pins.bck_io_num = kClockPin;
  pins.ws_io_num = kWordPin;
  pins.data_out_num = I2S_PIN_NO_CHANGE;
  pins.data_in_num = kDataPin;
  tell_words = tell;
  if (i2s_driver_install(I2S_NUM_0, &config, 2 * kBuffers, &events) != ESP_OK) {
    return false;
  }
  if (i2s_set_pin(I2S_NUM_0, &pins) != ESP_OK) {
    stop();
    return false;
  }
  return true;
}

void stop() {
  i2s_driver_uninstall(I2S_NUM_0);
}

void poll() {
  i2s_event_t event;
  while (xQueueReceive(events, &event, 0) == pdTRUE) {
    if (event.type == I2S_EVENT_RX_Q_OVF) {
      stream::miss(kBufferFrames);
    }
  }
  std::uint32_t slots[kSlotsAtOnce];
  std::size_t bytes = 0;
  if (i2s_read(I2S_NUM_0, slots, sizeof slots, &bytes, 0) == ESP_OK) {
    tell_slots(tell_words, slots, static_cast<std::uint32_t>(bytes / sizeof slots[0]));
  }
}

}  // namespace tinygen::capture

#endif
