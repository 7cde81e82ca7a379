// A start-up file and a HAL with the names of ST's, as far as a program needs them to run: weak handlers, initial
// values of variables, zeroed ones, constructors. Clocks, pins and baud rates do nothing here.
#include "hal.h"

extern "C" {

extern uint32_t _estack[], _sidata[], _sdata[], _edata[], _sbss[], _ebss[];
using Function = void (*)();
extern Function __init_array_start[], __init_array_end[];

int main();

void Reset_Handler() {
  const volatile uint32_t* from = _sidata;
  for (volatile uint32_t* to = _sdata; to < _edata; ++to) *to = *from++;
  for (volatile uint32_t* to = _sbss; to < _ebss; ++to) *to = 0;
  for (Function* constructor = __init_array_start; constructor != __init_array_end; ++constructor) (*constructor)();
  main();
}

__attribute__((used)) void Default_Handler() {
  for (;;) {
  }
}

void NMI_Handler() __attribute__((weak, alias("Default_Handler")));
void HardFault_Handler() __attribute__((weak, alias("Default_Handler")));
void MemManage_Handler() __attribute__((weak, alias("Default_Handler")));
void BusFault_Handler() __attribute__((weak, alias("Default_Handler")));
void UsageFault_Handler() __attribute__((weak, alias("Default_Handler")));
void SysTick_Handler() __attribute__((weak, alias("Default_Handler")));
void USART2_IRQHandler() __attribute__((weak, alias("Default_Handler")));

struct Vectors {
  uint32_t* top;
  Function handlers[15 + USART2_IRQn + 1];
};

constexpr Vectors vectors() {
  Vectors table = {_estack, {}};
  for (Function& handler : table.handlers) handler = Default_Handler;
  table.handlers[0] = Reset_Handler;
  table.handlers[1] = NMI_Handler;
  table.handlers[2] = HardFault_Handler;
  table.handlers[3] = MemManage_Handler;
  table.handlers[4] = BusFault_Handler;
  table.handlers[5] = UsageFault_Handler;
  table.handlers[14] = SysTick_Handler;
  table.handlers[15 + USART2_IRQn] = USART2_IRQHandler;
  return table;
}

extern const Vectors g_pfnVectors;
__attribute__((section(".isr_vector"), used)) const Vectors g_pfnVectors = vectors();

HAL_StatusTypeDef HAL_Init(void) {
  return HAL_OK;
}
HAL_StatusTypeDef HAL_InitTick(uint32_t) {
  return HAL_OK;
}
static volatile uint32_t uwTick;
void HAL_IncTick(void) {
  uwTick = uwTick + 1;
}
uint32_t HAL_GetTick(void) {
  return uwTick;
}
void SystemCoreClockUpdate(void) {}
HAL_StatusTypeDef HAL_UART_Init(UART_HandleTypeDef* huart) {
  huart->Instance->CR1 = huart->Init.Mode | 1U << 13;
  return HAL_OK;
}
void HAL_GPIO_Init(GPIO_TypeDef*, GPIO_InitTypeDef*) {}
void HAL_NVIC_SetPriority(IRQn_Type, uint32_t, uint32_t) {}
void HAL_NVIC_EnableIRQ(IRQn_Type IRQn) {
  reinterpret_cast<volatile uint32_t*>(0xE000E100)[IRQn / 32] = 1U << IRQn % 32;
}

}  // extern "C"
