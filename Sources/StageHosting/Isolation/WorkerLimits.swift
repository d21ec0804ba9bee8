package import PipelineKit

/// The resource limits of a child; the host kills a child that exceeds one.
package struct WorkerLimits: Sendable, Hashable {
    package var memory = ByteCount.gigabytes(4)
    /// The longest time without a message during a request.
    package var stall = Duration.seconds(300)
    /// The longest time until the child answers the greeting.
    package var start = Duration.seconds(20)
    /// How long the child may take to stop when asked to, before it receives SIGTERM and then SIGKILL.
    package var grace = Duration.milliseconds(1500)
    /// Processor time of one request; nil for no limit.
    package var processor: Duration?
    /// Wall time of one request; nil for no limit.
    package var time: Duration?
    /// Whether the limits apply to all processes of its group together, for children that may start others.
    package var countsGroup = false

    package init() {}
}
