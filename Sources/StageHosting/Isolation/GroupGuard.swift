import Foundation
import Glibc

/// A small process in a child's group that ends the group when the host is gone: the kernel tells the child alone of its
/// parent's death, and not what the child has started.
struct GroupGuard {
    private let process: ChildProcess

    /// Starts it; nil when it can't be, such as when the child has ended already.
    init?(of child: ChildProcess) {
        // Reads the pipe that the host alone holds, until it is closed.
        var launch = WorkerLaunch(
            executable: "/bin/sh", arguments: ["-c", "read -r _; kill -KILL 0"], environment: [:])
        launch.group = child.identifier
        launch.directory = "/"
        guard let process = try? ChildProcess.start(launch) else { return nil }
        self.process = process
    }

    /// Ends it: its group is gone.
    func end() {
        _ = Glibc.kill(process.identifier, SIGKILL)
        _ = process.reaped(waits: true)
        close(process.input)
        close(process.output)
    }
}
