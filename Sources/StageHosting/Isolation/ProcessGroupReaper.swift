import Foundation
import Glibc

/// A helper process in a child's process group that kills the group when the host dies: the kernel's parent-death
/// signal reaches only the child, not the processes that it started.
struct ProcessGroupReaper {
    private let process: ChildProcess

    /// Starts the helper; nil if that fails, for example because the child has already ended.
    init?(of child: ChildProcess) {
        // The shell waits on a pipe that only the host holds open, then kills its own group.
        var launch = WorkerLaunch(
            executable: "/bin/sh", arguments: ["-c", "read -r _; kill -KILL 0"], environment: [:])
        launch.group = child.identifier
        launch.directory = "/"
        guard let process = try? ChildProcess.start(launch) else { return nil }
        self.process = process
    }

    /// Kills the helper when the group is gone.
    func end() {
        _ = Glibc.kill(process.identifier, SIGKILL)
        _ = process.reaped(waits: true)
        close(process.input)
        process.closeOutputs()
    }
}
