// STM32Cube: the HAL owns start-up, tick, pins and the USART's set-up; received bytes come by its interrupt into the
// ring. Source: UM1725 and its siblings, "HAL UART Generic Driver", "HAL GPIO Generic Driver", "HAL Generic Driver".
#include "board_config.h"
#if !TINYGEN_BARE_METAL

#include TINYGEN_HAL_HEADER

#include "../stm32/cache.h"
#include "../stm32/hal_clocks.h"
#include "../stm32/hosted.h"
#include "../stm32/idle.h"
#include "../stm32/serial.h"
#include "tinygen/polled.h"
#include "tinygen/port.h"

extern "C" {

void SysTick_Handler();
void TINYGEN_SERIAL_HANDLER();

}  // extern "C"

namespace {

UART_HandleTypeDef line = {};
tinygen::port::Clocks clocks = {};

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
  tinygen_serial_interrupt();
}

}  // extern "C"

namespace tinygen::port {

const Clocks& running_clocks() {
  return clocks;
}

Status init() {
  start_chip();
  if (HAL_Init() != HAL_OK || !start_clocks_below_hal(clocks)) {
    return Status::clock_failed;
  }
  start_caches();
  if (!start_line()) {
    return Status::serial_failed;
  }
  return clocks.as_planned ? Status::ok : Status::clock_failed;
}

std::uint32_t beats() {
  return HAL_GetTick() / 100;
}

void reset() {
  drain_serial();  // the answer to the request for a reset is still on its way
  restart_core();
}

}  // namespace tinygen::port

#endif
