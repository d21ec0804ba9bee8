import PluginProtocol
import SlateStage

@main enum Plugin {
    static func main() { PluginProcess.serve(Slate.self, name: "slate", version: "1.0.0") }
}
