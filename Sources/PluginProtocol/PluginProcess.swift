import CProcess
import Foundation
import Glibc
public import PipelineKit

/// Makes a program a plugin: its stages, written for ``Stage`` like any other, work for a host that starts it.
///
/// ```swift
/// @main enum Plugin {
///     static func main() { PluginProcess.serve(Slate.self, name: "slate", version: "1.0.0") }
/// }
/// ```
public enum PluginProcess {
    /// Serves the host that started this process, by the protocol of `docs/plugin-protocol.md`, until it closes the
    /// line; then the process ends.
    /// - Parameters:
    ///   - stages: What it works for.
    ///   - name: The plugin's name, as in its `plugin.json`.
    ///   - version: The plugin's version, as in its `plugin.json`.
    public static func serve<each S: Stage>(
        _ stages: repeat (each S).Type, name: String, version: String
    ) -> Never {
        var types: [StageType] = []
        for type in repeat each stages { types.append(StageType(type)) }
        serve(types, name: name, version: version)
    }

    /// The same, for stages that were erased before.
    ///
    /// Standard output is taken away first and points at standard error from then on, so that a library's stray
    /// line can't break the conversation. The process dies with its host, whatever it is doing. To be called on the
    /// first thread before there are others: only then can the process be confined as a whole.
    /// - Parameter prepare: Done before the greeting is read: what the host confines the process to holds from then on.
    public static func serve(
        _ stages: [StageType], name: String, version: String, prepare: () -> Void = {}
    ) -> Never {
        serve(stages, name: name, version: version, prepare: prepare, services: { _, _ in HostServices() })
    }

    /// The same for children of this program, whose host grants them more.
    package static func serve(
        _ stages: [StageType], name: String, version: String, prepare: () -> Void,
        services: @escaping GrantedServices
    ) -> Never {
        spreader_die_with_parent()
        spreader_forbid_core_dumps()
        spreader_spare_memory()
        // An interrupt at the terminal is the host's to handle; its child may write to the terminal all the same.
        for number in [SIGINT, SIGTTOU] { signal(number, SIG_IGN) }
        let input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
        let output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard input >= 0, output >= 0, dup2(STDERR_FILENO, STDOUT_FILENO) >= 0, dup2(nothing, STDIN_FILENO) >= 0
        else { _exit(71) }
        prepare()
        let server = StageServer(stages, name: name, release: version, output: output, services: services)
        guard server.greet(input: input) else { _exit(0) }
        let reader = Thread {
            // The reader alone decides when it is over: work that hangs can't keep the process alive.
            _exit(server.serve(input: input) ? 0 : 76)
        }
        reader.name = "stage-server"
        reader.start()
        // For stages that use the main actor.
        while true { if Thread.isMainThread { RunLoop.main.run() } else { pause() } }
    }
}
