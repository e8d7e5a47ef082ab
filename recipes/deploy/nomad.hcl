# The same by Nomad: a task that runs first fetches the release, and the service runs from it. Both tasks see the machine's own /srv/web (raw_exec), so a restart
# of the job fetches only what changed. Waves are channels: one job for each, or `update { canary = 1 }` with one.
job "web" {
  datacenters = ["dc1"]
  type        = "service"

  group "web" {
    count = 3

    update {
      max_parallel = 1
      auto_revert  = true
    }


    network {
      port "http" {}
    }

    task "release" {
      driver = "raw_exec"

      lifecycle {
        hook = "prestart"
      }

      config {
        command = "/usr/local/bin/relocate"
        args    = ["update", "/srv/web", "--from", "https://releases.example.org/web", "--root-key", "/etc/relocate/web.root.json", "--wait"]
      }
    }

    task "web" {
      driver = "raw_exec"
      user   = "web"

      config {
        command = "/usr/local/bin/relocate"
        args    = ["exec", "/srv/web", "bin/python3", "-m", "http.server", "${NOMAD_PORT_http}"]
      }

      service {
        name     = "web"
        port     = "http"
        provider = "nomad"

        check {
          type     = "http"
          path     = "/"
          interval = "10s"
          timeout  = "2s"
        }
      }
    }
  }
}
