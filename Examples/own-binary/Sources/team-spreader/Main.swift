import PipelineKit
import SlateStage
import SpreaderCommand

/// `spreader-pipeline` with an additional stage linked in.
@main enum Main {
    static func main() { SpreaderProgram.main(adding: [StageDefinition(Slate.self)]) }
}
