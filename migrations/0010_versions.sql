-- compatible: yes
-- Which build each daemon is of, so that who must wait for the older ones can name them. Null: one from before this.
alter table daemon add column version text;
