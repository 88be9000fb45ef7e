// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The part of lib/Schedule that is about GPUs. Ask there.

#ifndef HEADGATE_LIB_GPUSCHEDULE_H
#define HEADGATE_LIB_GPUSCHEDULE_H

#include "lib/Schedule.h"

namespace headgate {

Status checkGpuProblem(const Problem &problem, const Target &target);
Status checkGpuSchedule(const Problem &problem, const Target &target,
                        const Schedule &schedule);
ScheduleResources gpuResourcesOf(const Problem &problem,
                                 const Schedule &schedule);
std::vector<Knob> gpuKnobsOf(const Problem &problem);
std::vector<ScheduleChoice> gpuDefaultSchedules(const Problem &problem);

} // namespace headgate

#endif // HEADGATE_LIB_GPUSCHEDULE_H
