// An I2S microphone on an ESP32-S3 by ESP-IDF's driver: master, 32-bit slots, the left one. The driver's DMA gathers a
// quarter of a second; who asks later than that has lost samples, and is told.
// Source: ESP-IDF Programming Guide 5.5, Inter-IC Sound (standard mode, on_recv_q_ovf); headers driver/i2s_common.h,
// driver/i2s_std.h, driver/i2s_types.h of v5.5.3. Not yet run on silicon.
#include "board_config.h"

#if defined(TINYGEN_SOURCE_I2S) && defined(ESP_PLATFORM) && !defined(ARDUINO) && !defined(TINYGEN_STANDIN)

#include <driver/i2s_std.h>

#include "../esp32/slots.h"
#include "tinygen/capture.h"
#include "tinygen/stream_api.h"

namespace tinygen::capture {
namespace {

using namespace tinygen::board;

constexpr std::uint32_t kBuffers = 16;
constexpr std::uint32_t kBufferFrames = 256;

OnWords tell_words;
i2s_chan_handle_t channel;
volatile std::uint32_t lost_frames;
std::uint32_t told_frames;

bool on_overflow(i2s_chan_handle_t, i2s_event_data_t*, void*) {
  lost_frames = lost_frames + kBufferFrames;
  return false;  // no task of a higher priority was woken
}

bool set_up() {
  i2s_std_config_t config = {};
  config.clk_cfg.sample_rate_hz = kI2sRateHz;
  config.clk_cfg.clk_src = I2S_CLK_SRC_DEFAULT;
  config.clk_cfg.mclk_multiple = I2S_MCLK_MULTIPLE_256;
  config.slot_cfg.data_bit_width = I2S_DATA_BIT_WIDTH_32BIT;
  config.slot_cfg.slot_bit_width = I2S_SLOT_BIT_WIDTH_AUTO;
  config.slot_cfg.slot_mode = I2S_SLOT_MODE_MONO;
  config.slot_cfg.slot_mask = I2S_STD_SLOT_LEFT;
  config.slot_cfg.ws_width = 32;
  config.slot_cfg.bit_shift = true;  // Philips: the first bit one clock behind the word's edge
  config.slot_cfg.left_align = true;
  config.gpio_cfg.mclk = I2S_GPIO_UNUSED;
  config.gpio_cfg.bclk = static_cast<gpio_num_t>(kClockPin);
  config.gpio_cfg.ws = static_cast<gpio_num_t>(kWordPin);
  config.gpio_cfg.dout = I2S_GPIO_UNUSED;
  config.gpio_cfg.din = static_cast<gpio_num_t>(kDataPin);
  i2s_event_callbacks_t callbacks = {};
  callbacks.on_recv_q_ovf = &on_overflow;
  return i2s_channel_init_std_mode(channel, &config) == ESP_OK &&
         i2s_channel_register_event_callback(channel, &callbacks, nullptr) == ESP_OK &&
         i2s_channel_enable(channel) == ESP_OK;
}

}  // namespace

bool start(OnWords tell) {
  tell_words = tell;
  told_frames = lost_frames;
  i2s_chan_config_t config = {};
  config.id = I2S_NUM_0;
  config.role = I2S_ROLE_MASTER;
  config.dma_desc_num = kBuffers;
  config.dma_frame_num = kBufferFrames;
  if (i2s_new_channel(&config, nullptr, &channel) != ESP_OK) {
    return false;
  }
  if (!set_up()) {
    (void)i2s_del_channel(channel);
    return false;
  }
  return true;
}

void stop() {
  (void)i2s_channel_disable(channel);
  (void)i2s_del_channel(channel);
}

void poll() {
  const std::uint32_t lost = lost_frames;
  if (lost != told_frames) {
    stream::miss(lost - told_frames);
    told_frames = lost;
  }
  std::uint32_t slots[kSlotsAtOnce];
  std::size_t bytes = 0;
  const esp_err_t result = i2s_channel_read(channel, slots, sizeof slots, &bytes, 0);
  if (result == ESP_OK || result == ESP_ERR_TIMEOUT) {  // what there was, or less than asked for
    tell_slots(tell_words, slots, static_cast<std::uint32_t>(bytes / sizeof slots[0]));
  }
}

}  // namespace tinygen::capture

#endif
