// STM32Cube: the HAL owns start-up, tick, pins and the USART's set-up; received bytes come by its interrupt into the
// ring. Clocks are set by ../stm32/clock_<family>.cpp from the board's facts; the HAL is then told what runs. Source:
// UM1725 and its siblings, "HAL UART Generic Driver", "HAL GPIO Generic Driver", "HAL Generic Driver".
#include "board_config.h"
#if !TINYGEN_BARE_METAL

#include TINYGEN_HAL_HEADER

#include "../stm32/cache.h"
#include "../stm32/clock.h"
#include "../stm32/hosted.h"
#include "tinygen/port.h"
#include "tinygen/ring.h"

extern "C" {

__attribute__((used)) TinygenRxRing tinygen_rx_ring = {};

void SysTick_Handler();
void TINYGEN_SERIAL_HANDLER();
void tinygen_port_idle();
void tinygen_port_put(uint8_t byte);

}  // extern "C"

namespace {

UART_HandleTypeDef line = {};

#if defined(TINYGEN_CHIP_STM32F1) || defined(TINYGEN_CHIP_STM32F4)
uint8_t received() {
  return static_cast<uint8_t>(line.Instance->DR);  // clears an overrun, too
}
void send(uint8_t byte) {
  line.Instance->DR = byte;
}
void forget_overrun() {}
#else
uint8_t received() {
  return static_cast<uint8_t>(line.Instance->RDR);
}
void send(uint8_t byte) {
  line.Instance->TDR = byte;
}
void forget_overrun() {
  __HAL_UART_CLEAR_FLAG(&line, UART_CLEAR_OREF);
}
#endif

void give_pin(GPIO_TypeDef* port, uint32_t pin, bool sends) {
  GPIO_InitTypeDef setting = {};
  setting.Pin = 1U << pin;
  setting.Pull = GPIO_PULLUP;
  setting.Speed = GPIO_SPEED_FREQ_HIGH;
#if defined(TINYGEN_CHIP_STM32F1)
  setting.Mode = sends ? GPIO_MODE_AF_PP : GPIO_MODE_INPUT;
#else
  (void)sends;
  setting.Mode = GPIO_MODE_AF_PP;
  setting.Alternate = tinygen::board::kSerialAlternate;
#endif
  HAL_GPIO_Init(port, &setting);
}

bool start_line() {
  using namespace tinygen::board;
  TINYGEN_TX_CLOCK_ENABLE();
  TINYGEN_RX_CLOCK_ENABLE();
  TINYGEN_SERIAL_CLOCK_ENABLE();
  give_pin(TINYGEN_TX_GPIO, kTxPin, true);
  give_pin(TINYGEN_RX_GPIO, kRxPin, false);
  line.Instance = TINYGEN_SERIAL_INSTANCE;
  line.Init.BaudRate = kSerialBaud;
  line.Init.WordLength = UART_WORDLENGTH_8B;
  line.Init.StopBits = UART_STOPBITS_1;
  line.Init.Parity = UART_PARITY_NONE;
  line.Init.Mode = UART_MODE_TX_RX;
  line.Init.HwFlowCtl = UART_HWCONTROL_NONE;
  line.Init.OverSampling = UART_OVERSAMPLING_16;
  if (HAL_UART_Init(&line) != HAL_OK) {
    return false;
  }
  tinygen_rx_ring.capacity = TINYGEN_RX_RING_BYTES;
  HAL_NVIC_SetPriority(TINYGEN_SERIAL_IRQN, 0, 0);
  HAL_NVIC_EnableIRQ(TINYGEN_SERIAL_IRQN);
  __HAL_UART_ENABLE_IT(&line, UART_IT_RXNE);
  return true;
}

}  // namespace

extern "C" {

void SysTick_Handler() {
  HAL_IncTick();
}

void TINYGEN_SERIAL_HANDLER() {
  const bool arrived = __HAL_UART_GET_FLAG(&line, UART_FLAG_RXNE);
  if (__HAL_UART_GET_FLAG(&line, UART_FLAG_ORE)) {
    forget_overrun();
    tinygen_rx_ring.overruns = tinygen_rx_ring.overruns + 1;
    if (!arrived) {
      (void)received();  // in the first generation this read is what clears the flag
    }
  }
  if (arrived) {
    tinygen::port::ring_put(tinygen_rx_ring, received());
  }
}

__attribute__((noinline, used)) void tinygen_port_put(uint8_t byte) {
  while (!__HAL_UART_GET_FLAG(&line, UART_FLAG_TXE)) {
  }
  send(byte);
}

// Sleeps until an interrupt (the HAL's tick comes every millisecond), unless a byte has come meanwhile.
__attribute__((noinline, used)) void tinygen_port_idle() {
  __disable_irq();
  if (tinygen_rx_ring.head == tinygen_rx_ring.tail) {
    __DSB();
    __WFI();
  }
  __enable_irq();
}

}  // extern "C"

namespace tinygen::port {

Status init() {
  if (HAL_Init() != HAL_OK) {
    return Status::clock_failed;
  }
  const Clocks clocks = start_clocks();
  SystemCoreClockUpdate();
  if (HAL_InitTick(TICK_INT_PRIORITY) != HAL_OK) {
    return Status::clock_failed;
  }
  start_caches();
  start_chip();
  if (!start_line()) {
    return Status::serial_failed;
  }
  return clocks.as_planned ? Status::ok : Status::clock_failed;
}

std::size_t read(std::uint8_t* into, std::size_t capacity) {
  return ring_take(tinygen_rx_ring, into, capacity);
}

void write(const std::uint8_t* from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    tinygen_port_put(from[i]);
  }
}

void idle() {
  tinygen_port_idle();
}

void stay_awake(bool) {}  // sensors have drivers in the bare-metal port only

std::uint32_t stack_bytes() {
  return 0;
}  // the framework's linker script has the stack

std::uint32_t stack_used_bytes() {
  return 0;
}

std::uint32_t receive_overruns() {
  return tinygen_rx_ring.overruns;
}

// The framework's linker script places the image.
std::size_t image_spans(ImageSpan*) {
  return 0;
}

const volatile ImageDigest* image_digest() {
  return nullptr;
}

void reset() {
  while (!__HAL_UART_GET_FLAG(&line, UART_FLAG_TC)) {  // the answer to the request for a reset is still on its way
  }
  restart_chip();
}

}  // namespace tinygen::port

#endif
