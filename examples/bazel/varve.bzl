"""An image whose layers are made by an action each, of jobs that `varve plan --jobs` has written."""

def _varve_image_impl(ctx):
    varve = ctx.attr.varve
    results = []
    for job in ctx.files.jobs:
        # The job of the image is no layer's.
        if not job.basename.startswith("layer-"):
            continue
        result = ctx.actions.declare_file(job.basename.replace(".json", ".done.json"))
        ctx.actions.run_shell(
            # Jobs name files from the workspace's root, which is where actions run.
            inputs = ctx.files.srcs + [job],
            outputs = [result],
            command = 'exec "$0" layer "$1" --root . --push "$2" --quiet --no-cache --output "$3"',
            arguments = [varve, job.path, ctx.attr.repository, result.path],
            mnemonic = "VarveLayer",
            progress_message = "Making the layer of %s" % job.short_path,
            execution_requirements = {"requires-network": "1"},
            use_default_shell_env = True,
        )
        results.append(result)

    done = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.run_shell(
        inputs = ctx.files.jobs + results,
        outputs = [done],
        # Results are looked for beside their jobs.
        command = """set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
varve=$0 reference=$1 out=$2
shift 2
cp "$@" "$folder"
"$varve" assemble "$folder" --push "$reference" --quiet --json > "$out"
""",
        arguments = [varve, "%s:%s" % (ctx.attr.repository, ctx.attr.tag), done.path] +
                    [file.path for file in ctx.files.jobs + results],
        mnemonic = "VarveImage",
        progress_message = "Putting %s together" % ctx.label,
        execution_requirements = {"requires-network": "1"},
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([done]))]

varve_image = rule(
    implementation = _varve_image_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = True, doc = "All files of the image, installed packages among them."),
        "jobs": attr.label_list(allow_files = [".json"], mandatory = True, doc = "What varve plan --jobs has written."),
        "repository": attr.string(mandatory = True, doc = "Where the layers and the image go, with the registry."),
        "tag": attr.string(default = "latest"),
        "varve": attr.string(default = "varve", doc = "The program, on the actions' PATH."),
    },
)
