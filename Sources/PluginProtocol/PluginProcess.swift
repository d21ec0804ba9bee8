import CProcess
import Foundation
import Glibc
public import PipelineKit

/// Turns a program into a plugin, which serves its stages to the host that starts it.
///
/// Use it to ship stages in a program of their own. They conform to `Stage` of PipelineKit, like built-in ones:
///
/// ```swift
/// @main enum Plugin {
///     static func main() { PluginProcess.serve(Slate.self, name: "slate", version: "1.0.0") }
/// }
/// ```
public enum PluginProcess {
    /// Serves the host that started this process, using the protocol of `docs/plugin-protocol.md`, and exits when the
    /// host closes standard input.
    /// - Parameters:
    ///   - stages: The stages that the plugin offers.
    ///   - name: The plugin's name, as in its `plugin.json`.
    ///   - version: The plugin's version, as in its `plugin.json`.
    public static func serve<each S: Stage>(
        _ stages: repeat (each S).Type, name: String, version: String
    ) -> Never {
        var definitions: [StageDefinition] = []
        for stage in repeat each stages { definitions.append(StageDefinition(stage)) }
        serve(definitions, name: name, version: version)
    }

    /// Serves type-erased stages; see the method above.
    ///
    /// First redirects standard output to standard error, so that a library's stray line can't break the protocol. The
    /// process dies with its host, whatever it is doing. Call this on the main thread before any other thread exists:
    /// otherwise the sandbox policy does not cover the whole process.
    /// - Parameter prepare: Runs before the host's greeting is read, and so before the sandbox policy applies.
    public static func serve(
        _ stages: [StageDefinition], name: String, version: String, prepare: () -> Void = {}
    ) -> Never {
        serve(stages, name: name, version: version, prepare: prepare, services: { _, _ in HostServices() })
    }

    /// The same for children of this program, whose host grants them more services.
    package static func serve(
        _ stages: [StageDefinition], name: String, version: String, prepare: () -> Void,
        services: @escaping GrantedServices
    ) -> Never {
        spreader_die_with_parent()
        spreader_forbid_core_dumps()
        spreader_spare_memory()
        // The host handles Ctrl-C. Ignoring SIGTTOU lets this background process write to the terminal.
        for number in [SIGINT, SIGTTOU] { signal(number, SIG_IGN) }
        let input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
        let output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard input >= 0, output >= 0, dup2(STDERR_FILENO, STDOUT_FILENO) >= 0, dup2(nothing, STDIN_FILENO) >= 0
        else { _exit(71) }
        prepare()
        let server = StageServer(
            stages, name: name, version: version, input: input, output: output, grantedServices: services)
        guard server.greet() else { _exit(0) }
        let reader = Thread {
            // Exit when the reader ends: work that hangs must not keep the process alive.
            _exit(server.serve() ? 0 : 76)
        }
        reader.name = "stage-server"
        reader.start()
        // Serve stages that use the main actor.
        while true { if Thread.isMainThread { RunLoop.main.run() } else { pause() } }
    }
}
