*** Comments ***
renode-test disco_f407vg.robot, after `pio run`. The second test needs tinygen.

*** Settings ***
Library                             Process

*** Variables ***
${ELF}                              ${CURDIR}/../.pio/build/disco_f407vg/firmware.elf
${PORT}                             3456

*** Keywords ***
Create Board
    Execute Command                 mach create "disco_f407vg"
    Execute Command                 machine LoadPlatformDescription @platforms/boards/stm32f4_discovery.repl
    Execute Command                 sysbus LoadELF @${ELF}

*** Test Cases ***
Should Start
    Create Board
    Create Terminal Tester          sysbus.usart2
    Start Emulation
    Wait For Prompt On Uart         tinygen is ready

Should Answer Byte For Byte
    Create Board
    Execute Command                 emulation CreateServerSocketTerminal ${PORT} "protocol" false
    Execute Command                 connector Connect sysbus.usart2 protocol
    Start Emulation
    ${proof}=  Run Process          tinygen verify --task gesture --board disco_f407vg --on socket://localhost:${PORT}  shell=True
    Log                             ${proof.stdout}
    Should Be Equal As Integers     ${proof.rc}  0
