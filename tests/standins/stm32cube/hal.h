// STM32Cube HAL, as far as firmware/port/stm32cube uses it. HAL_USART_V2: families with RDR, TDR and ICR.
#pragma once
#include <stdint.h>

typedef enum { HAL_OK = 0, HAL_ERROR = 1, HAL_BUSY = 2, HAL_TIMEOUT = 3 } HAL_StatusTypeDef;
typedef enum { USART1_IRQn = 37, USART2_IRQn = 38, USART3_IRQn = 39 } IRQn_Type;

typedef struct {
#if defined(HAL_USART_V2)
  volatile uint32_t CR1, CR2, CR3, BRR, GTPR, RTOR, RQR, ISR, ICR, RDR, TDR;
#else
  volatile uint32_t SR, DR, BRR, CR1, CR2, CR3, GTPR;
#endif
} USART_TypeDef;
typedef struct {
  volatile uint32_t registers[10];
} GPIO_TypeDef;

typedef struct {
  uint32_t BaudRate, WordLength, StopBits, Parity, Mode, HwFlowCtl, OverSampling;
} UART_InitTypeDef;
typedef struct {
  USART_TypeDef* Instance;
  UART_InitTypeDef Init;
} UART_HandleTypeDef;
typedef struct {
  uint32_t Pin, Mode, Pull, Speed;
#if !defined(HAL_GPIO_V1)
  uint32_t Alternate;
#endif
} GPIO_InitTypeDef;

#define USART1 ((USART_TypeDef*)0x40011000UL)
#define USART2 ((USART_TypeDef*)0x40004400UL)
#define USART3 ((USART_TypeDef*)0x40004800UL)
#define GPIOA ((GPIO_TypeDef*)0x40020000UL)
#define GPIOB ((GPIO_TypeDef*)0x40020400UL)
#define GPIOD ((GPIO_TypeDef*)0x40020C00UL)

#define UART_WORDLENGTH_8B 0x00000000U
#define UART_STOPBITS_1 0x00000000U
#define UART_PARITY_NONE 0x00000000U
#define UART_MODE_TX_RX 0x0000000CU
#define UART_HWCONTROL_NONE 0x00000000U
#define UART_OVERSAMPLING_16 0x00000000U
#define UART_FLAG_TXE (1U << 7)
#define UART_FLAG_TC (1U << 6)
#define UART_FLAG_RXNE (1U << 5)
#define UART_FLAG_ORE (1U << 3)
#define UART_IT_RXNE (1U << 5)
#define GPIO_PULLUP 0x00000001U
#define GPIO_SPEED_FREQ_HIGH 0x00000002U
#define GPIO_MODE_INPUT 0x00000000U
#define GPIO_MODE_AF_PP 0x00000002U
#define TICK_INT_PRIORITY 0x0FU

#if defined(HAL_USART_V2)
#define UART_CLEAR_OREF (1U << 3)
#define __HAL_UART_GET_FLAG(handle, flag) (((handle)->Instance->ISR & (flag)) == (flag))
#define __HAL_UART_CLEAR_FLAG(handle, flag) ((handle)->Instance->ICR = (flag))
#else
#define __HAL_UART_GET_FLAG(handle, flag) (((handle)->Instance->SR & (flag)) == (flag))
#endif
#define __HAL_UART_ENABLE_IT(handle, interrupt) ((handle)->Instance->CR1 = (handle)->Instance->CR1 | (interrupt))
#define __HAL_RCC_USART1_CLK_ENABLE() \
  do {                                \
  } while (0)
#define __HAL_RCC_USART2_CLK_ENABLE __HAL_RCC_USART1_CLK_ENABLE
#define __HAL_RCC_USART3_CLK_ENABLE __HAL_RCC_USART1_CLK_ENABLE
#define __HAL_RCC_GPIOA_CLK_ENABLE __HAL_RCC_USART1_CLK_ENABLE
#define __HAL_RCC_GPIOB_CLK_ENABLE __HAL_RCC_USART1_CLK_ENABLE
#define __HAL_RCC_GPIOD_CLK_ENABLE __HAL_RCC_USART1_CLK_ENABLE

#ifdef __cplusplus
extern "C" {
#endif

HAL_StatusTypeDef HAL_Init(void);
HAL_StatusTypeDef HAL_InitTick(uint32_t TickPriority);
void HAL_IncTick(void);
uint32_t HAL_GetTick(void);
void SystemCoreClockUpdate(void);
HAL_StatusTypeDef HAL_UART_Init(UART_HandleTypeDef* huart);
void HAL_GPIO_Init(GPIO_TypeDef* GPIOx, GPIO_InitTypeDef* GPIO_Init);
void HAL_NVIC_SetPriority(IRQn_Type IRQn, uint32_t PreemptPriority, uint32_t SubPriority);
void HAL_NVIC_EnableIRQ(IRQn_Type IRQn);

#ifdef __cplusplus
}
#endif

static inline void __disable_irq(void) {
  __asm__ volatile("cpsid i" ::: "memory");
}
static inline void __enable_irq(void) {
  __asm__ volatile("cpsie i" ::: "memory");
}
static inline void __DSB(void) {
  __asm__ volatile("dsb" ::: "memory");
}
#define __WFI() __asm__ volatile("wfi" ::: "memory")
