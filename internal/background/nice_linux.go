package background

import "syscall"

// nice is how much lower: at 10, a thread beside one of the usual priority gets
// a tenth of a processor (sched(7)), and all of it when that one sleeps.
const nice = 10

// lower is of a thread on Linux, where POSIX has it of a process. That it fails
// is no harm.
func lower() { _ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), nice) }
